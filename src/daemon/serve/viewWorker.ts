/**
 * Thread entry: draws what people watch. It has a world of its own, which it puts into the newest physics state of the
 * control thread's world; the loop does not know that anybody looks.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { encodeJpeg } from '../../imaging/jpeg.js';
import { stepThreadBack } from '../../realtime/background.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { SimCameras } from '../../simulation/simCameras.js';
import { World } from '../../simulation/world.js';
import type { SimulatedView } from './orders.js';

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
  | { readonly kind: 'world'; readonly view: SimulatedView }
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

const port = parentPort!;
const { periodMs, yields, ...size }: PictureSettings = workerData;
let scene: Scene | undefined;
let watched: readonly string[] = [];
let drawnVersion = -1;

if (yields) stepThreadBack();
port.on('message', (message: ToView) => {
  if (message.kind === 'watched') {
    // Somebody may see a camera for the first time, of a world that stands still.
    drawnVersion = -1;
    watched = message.cameras;
  } else void open(message.view);
});
port.postMessage({ kind: 'ready' } satisfies FromView);

for (;;) {
  const beganMs = performance.now();
  draw();
  const tookMs = performance.now() - beganMs;
  await new Promise((resolve) =>
    setTimeout(resolve, Math.max(periodMs - tookMs, yields ? tookMs * REST : 0)),
  );
}

async function open(view: SimulatedView): Promise<void> {
  scene?.world.dispose();
  scene = undefined;
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

function draw(): void {
  if (!scene || watched.length === 0) return;
  const { world, cameras, states, state } = scene;
  const { version } = states;
  if (version === drawnVersion || !states.read(state)) return;
  drawnVersion = version;
  world.setState(state);
  for (const camera of watched) {
    if (!cameras.cameras.includes(camera)) continue;
    const rgb = new Uint8Array(size.width * size.height * 3);
    const timeMs = monotonicMs();
    cameras.capture({ camera, ...size }, rgb);
    const jpeg = Uint8Array.from(encodeJpeg({ ...size, rgb }, QUALITY));
    port.postMessage({ kind: 'frame', camera, timeMs, jpeg } satisfies FromView, [jpeg.buffer]);
  }
}
