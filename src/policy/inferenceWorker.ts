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

/** What the client hands to the worker. */
export interface InferenceSetup {
  readonly checkpoint: Checkpoint;
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
const { checkpoint, block, threads } = setup;
const memory = new InferenceMemory(checkpoint.manifest, block);
// Also after process.exit in this thread: nobody may wait for an answer that will not come.
process.on('exit', () => memory.mailbox.fail());

const say = (message: InferenceReady): void => parentPort!.postMessage(message);
const infer = await openNetwork();
if (infer) await serve(infer);

async function openNetwork(): Promise<(() => Promise<void>) | undefined> {
  const beganMs = performance.now();
  try {
    const session = await InferenceSession.create(checkpoint.modelPath, {
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
    });
    requireSignature(checkpoint.manifest, { inputs: session.inputMetadata, outputs: session.outputMetadata });
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
  const { inputs, output } = signatureOf(checkpoint.manifest);
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
  const actions = new Float32Array(memory.actions.length);
  const fetches = { [output.name]: new Tensor(output.type, actions, output.shape) };
  return async () => {
    for (const [index, buffer] of buffers.entries()) buffer.set(shared[index]!);
    await session.run(feeds, fetches);
    memory.actions.set(actions);
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
