/**
 * Thread entry: draws what people watch. It has a world of its own, which it puts into the newest physics state of the
 * control thread's world; the loop does not know that anybody looks. Frames of real cameras are passed on as captured.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { encodeJpeg } from '../../imaging/jpeg.js';
import { stepThreadBack } from '../../realtime/background.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { FrameRing } from '../../realtime/frameRing.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { SimCameras } from '../../simulation/simCameras.js';
import { World } from '../../simulation/world.js';
import type { CameraView, SimulatedView } from './orders.js';

/** How pictures are made. */
export interface PictureSettings {
  readonly width: number;
  readonly height: number;
  /** Frames of all watched cameras come at most so often [ms]. */
  readonly periodMs: number;
  /** For people alone: steps back behind everything else, and takes at most half of a core. */
  readonly yields: boolean;
}

/** A thread that yields rests at least as long as it drew. */
const REST = 1;
const QUALITY = 80;

export type ToView =
  | { readonly kind: 'world'; readonly view: CameraView }
  | { readonly kind: 'watched'; readonly cameras: readonly string[] };

export type FromView =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'frame';
      readonly camera: string;
      readonly timeMs: number;
      readonly jpeg: Uint8Array<ArrayBuffer>;
    };

interface Scene {
  readonly world: World;
  readonly cameras: SimCameras;
  readonly states: SharedSample;
  readonly state: Float64Array;
}

interface CapturedCamera {
  readonly camera: string;
  readonly ring: FrameRing;
  /** Sequence of the frame that was passed on last. */
  shown: number;
}

const port = parentPort!;
const { periodMs, yields, ...size }: PictureSettings = workerData;
let scene: Scene | undefined;
let captured: CapturedCamera[] = [];
let watched: readonly string[] = [];
let drawnVersion = -1;
/** The picture being drawn: one for all, or hours of pictures leave a heap in pieces. */
const rgb = new Uint8Array(size.width * size.height * 3);

if (yields) stepThreadBack();
port.on('message', (message: ToView) => {
  if (message.kind === 'watched') {
    // Somebody may see a camera for the first time, of a world that stands still.
    drawnVersion = -1;
    for (const camera of captured) camera.shown = 0;
    watched = message.cameras;
  } else void open(message.view);
});
port.postMessage({ kind: 'ready' } satisfies FromView);

for (;;) {
  const beganMs = performance.now();
  draw();
  passOn();
  const tookMs = performance.now() - beganMs;
  await new Promise((resolve) =>
    setTimeout(resolve, Math.max(periodMs - tookMs, yields ? tookMs * REST : 0)),
  );
}

async function open(view: CameraView): Promise<void> {
  scene?.world.dispose();
  scene = undefined;
  captured = [];
  if (view.kind === 'sim') await draws(view);
  else captured = view.rings.map(({ camera, ring }) => ({ camera, ring: new FrameRing(ring), shown: 0 }));
}

async function draws(view: SimulatedView): Promise<void> {
  const world = await World.load(view.world);
  const states = new SharedSample(view.states);
  scene = {
    world,
    cameras: new SimCameras(world, () => 0),
    states,
    state: new Float64Array(states.length),
  };
  drawnVersion = -1;
}

/** Nothing is decoded or scaled: who cannot take the frames is sent fewer. */
function passOn(): void {
  for (const one of captured) {
    const { newest } = one.ring;
    if (newest === one.shown || !watched.includes(one.camera)) continue;
    one.shown = newest;
    const frame = one.ring.read(newest);
    if (!frame) continue;
    const jpeg = Uint8Array.from(frame.bytes);
    port.postMessage(
      { kind: 'frame', camera: one.camera, timeMs: frame.captureMs, jpeg } satisfies FromView,
      [jpeg.buffer],
    );
  }
}

function draw(): void {
  if (!scene || watched.length === 0) return;
  const { world, cameras, states, state } = scene;
  const { version } = states;
  if (version === drawnVersion || !states.read(state)) return;
  drawnVersion = version;
  world.setState(state);
  for (const camera of watched) {
    if (!cameras.cameras.includes(camera)) continue;
    const timeMs = monotonicMs();
    cameras.capture({ camera, ...size }, rgb);
    const jpeg = encodeJpeg({ ...size, rgb }, QUALITY);
    port.postMessage({ kind: 'frame', camera, timeMs, jpeg } satisfies FromView, [jpeg.buffer]);
  }
}
