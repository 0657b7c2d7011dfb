/** onnxruntime sessions as this package opens them. */
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { Graph } from './graph.js';

// The official builds of onnxruntime >= 1.29 send usage data to Microsoft unless told not to before the first
// session of the process. Native code sees this only when it is set on the main thread.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

export interface SessionOptions {
  /** Threads of one run. A run blocks the calling thread, so training belongs in a worker or process of its own. */
  readonly threads: number;
  /** onnxruntime's execution provider: cpu (default), webgpu, or cuda where its libraries are installed. */
  readonly executionProvider?: string;
}

/** The execution provider asked for does not work on this machine. */
export class ExecutionProviderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExecutionProviderError';
  }
}

/** Throws ExecutionProviderError when the provider, not the model, is what fails. */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const { threads, executionProvider = 'cpu' } = options;
  try {
    return await InferenceSession.create(model, {
      executionProviders: [executionProvider],
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'all',
      // A planned block comes on top of what the first run took from the arena: twice the memory for the same speed.
      enableMemPattern: false,
      logSeverityLevel: 3,
      // Vanishing activations are common in training and cost a microcode trap each.
      extra: { session: { set_denormal_as_zero: '1' } },
    });
  } catch (error) {
    if (executionProvider === 'cpu') throw error;
    const [reason] = String(error instanceof Error ? error.message : error).split('\n');
    const known = listSupportedBackends().map(({ name }) => name);
    throw new ExecutionProviderError(
      `execution provider "${executionProvider}" cannot be used here (${reason}); this build of onnxruntime has ${known.join(', ')}, of which cpu always works`,
      { cause: error },
    );
  }
}

/** What a model for `runInPlace` has as its first output: an empty list. */
export const STOP = 'stop';

/**
 * Runs a model so that the outputs are in the tensors of `fetches`, and nowhere else.
 *
 * onnxruntime-node 1.30 copies each output into a new array for its answer, those included that it was given a place
 * for: with a gradient for every weight that is a tenth of a small step. It converts outputs one after another when the
 * run is over, and gives up at the first that is no tensor, hence STOP.
 */
export async function runInPlace(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  fetches: Readonly<Record<string, Tensor>>,
): Promise<void> {
  try {
    await session.run(feeds, { ...fetches, [STOP]: null });
  } catch (error) {
    const stopped = error instanceof Error && error.message.startsWith('Non tensor type');
    if (!stopped) throw error;
  }
}

let probed: Promise<number> | undefined;

/**
 * Channels per block of the image layout that onnxruntime's convolutions are fastest in on this processor, 0 when there
 * is none: for `Graph`. It is found by looking at where a reordered image has its second pixel.
 */
export async function channelBlock({
  executionProvider = 'cpu',
}: Partial<SessionOptions> = {}): Promise<number> {
  if (executionProvider !== 'cpu') return 0;
  probed ??= probeBlock().catch(() => 0);
  return probed;
}

async function probeBlock(): Promise<number> {
  const [channels, pixels] = [32, 2];
  const graph = new Graph();
  const image = graph.input('image', [1, channels, 1, pixels]);
  const options = { domain: 'com.microsoft.nchwc' };
  const model = graph.encode({ blocked: graph.node('ReorderInput', [image], image.shape, options) });
  const session = await openSession(model, { threads: 1 });
  const data = Float32Array.from({ length: channels * pixels }, (_, i) => i);
  const { blocked } = await session.run({ image: new Tensor('float32', data, image.shape) });
  await session.release();
  const found = blocked!.data instanceof Float32Array ? blocked!.data.indexOf(1) : 0;
  return found === 8 || found === 16 ? found : 0;
}
