/**
 * Worker thread that owns the network. `session.run` blocks its thread for as long as the inference takes, which is
 * why it never runs on the thread of the control loop.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { parentPort, workerData } from 'node:worker_threads';
import { CheckpointError } from '../contract/errors.js';
import { monotonicMs } from '../realtime/monotonic.js';
import { requireSignature, signatureOf } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { InferenceMemory } from './inferenceMemory.js';
import type { LiveModel } from './liveWeights.js';
import { LiveWeights } from './liveWeights.js';

/** What the client hands to the worker. */
export interface InferenceSetup {
  readonly checkpoint: Pick<Checkpoint, 'manifest' | 'modelPath'>;
  /** Takes the place of the model file. */
  readonly live?: LiveModel;
  readonly block: SharedArrayBuffer;
  /** Threads that share one matrix product. */
  readonly threads: number;
}

/** What the worker says once, after loading. */
export type InferenceReady =
  { readonly ok: true; readonly loadMs: number } | { readonly ok: false; readonly message: string };

/** The first run plans memory, the second runs at speed. */
const WARM_UP_RUNS = 2;

const setup: InferenceSetup = workerData;
const { checkpoint, block, threads, live } = setup;
const memory = new InferenceMemory(checkpoint.manifest, block);
// Also after process.exit in this thread: nobody may wait for an answer that will not come.
process.on('exit', () => memory.mailbox.fail());

const say = (message: InferenceReady): void => parentPort!.postMessage(message);
const infer = await openNetwork();
if (infer) await serve(infer);

async function openNetwork(): Promise<(() => Promise<void>) | undefined> {
  const beganMs = performance.now();
  try {
    const options: InferenceSession.SessionOptions = {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4, // What fails is thrown too.
      extra: {
        session: {
          // Denormals cost a quarter of the time on noise-like images.
          set_denormal_as_zero: '1',
          // Idle threads must not burn the cores that the control loop needs.
          intra_op: { allow_spinning: '0' },
        },
      },
    };
    const session = live
      ? await InferenceSession.create(live.model, options)
      : await InferenceSession.create(checkpoint.modelPath, options);
    const weights = new Set(live?.slots.map(({ name }) => name));
    requireSignature(checkpoint.manifest, {
      inputs: session.inputMetadata.filter(({ name }) => !weights.has(name)),
      outputs: session.outputMetadata,
    });
    const run = bind(session);
    for (let n = 0; n < WARM_UP_RUNS; n++) await run();
    say({ ok: true, loadMs: performance.now() - beganMs });
    return run;
  } catch (error) {
    const known = error instanceof CheckpointError;
    say({
      ok: false,
      message: known ? error.message : `${checkpoint.modelPath} cannot be opened: ${String(error)}`,
    });
    return undefined;
  }
}

/** Reused tensors around the session: onnxruntime refuses shared memory, so each run copies in and out once. */
function bind(session: InferenceSession): () => Promise<void> {
  const { inputs, outputs } = signatureOf(checkpoint.manifest);
  const shared = [
    memory.qpos,
    ...(checkpoint.manifest.environmentStateSize > 0 ? [memory.environmentState] : []),
    ...memory.images,
  ];
  const buffers = inputs.map(({ type }, index) =>
    type === 'uint8' ? new Uint8Array(shared[index]!.length) : new Float32Array(shared[index]!.length),
  );
  const feeds = Object.fromEntries(
    inputs.map(({ name, type, shape }, index) => [name, new Tensor(type, buffers[index]!, shape)]),
  );
  const refresh = live && bindWeights(live, feeds);
  const answers = [memory.actions, memory.scores];
  const results = outputs.map((_, index) => new Float32Array(answers[index]!.length));
  const fetches = Object.fromEntries(
    outputs.map(({ name, shape }, index) => [name, new Tensor('float32', results[index]!, shape)]),
  );
  return async () => {
    for (const [index, buffer] of buffers.entries()) buffer.set(shared[index]!);
    refresh?.();
    await session.run(feeds, fetches);
    for (const [index, result] of results.entries()) answers[index]!.set(result);
  };
}

/** Adds the weights to `feeds`; what it returns copies them anew when there is a new version. */
function bindWeights({ slots, memory: shared }: LiveModel, feeds: Record<string, Tensor>): () => void {
  const weights = new LiveWeights(shared);
  const own = slots.map((slot) => {
    const values = new Float32Array(slot.size);
    feeds[slot.name] = new Tensor('float32', values, slot.shape);
    return { slot, values };
  });
  let seen = -1;
  return () => {
    const { version } = weights;
    if (version === seen) return;
    for (const { slot, values } of own) weights.read(slot, values);
    seen = version;
  };
}

async function serve(run: () => Promise<void>): Promise<void> {
  while (memory.mailbox.waitWhile('client') === 'server') {
    try {
      await run();
    } catch (error) {
      memory.fail(String(error));
      return;
    }
    memory.answeredMs[0] = monotonicMs();
    memory.mailbox.handOver('server');
  }
}
