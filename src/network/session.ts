/** onnxruntime sessions as this package opens them. */
import { InferenceSession } from 'onnxruntime-node';

// The official builds of onnxruntime >= 1.29 send usage data to Microsoft unless told not to before the first
// session of the process. Native code sees this only when it is set on the main thread.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

export interface SessionOptions {
  /** Threads of one run. A run blocks the calling thread, so training belongs in a worker or process of its own. */
  readonly threads: number;
  /** onnxruntime's execution provider: cpu (default), webgpu, or cuda where its libraries are installed. */
  readonly executionProvider?: string;
}

export async function openSession(model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  return await InferenceSession.create(model, {
    executionProviders: [options.executionProvider ?? 'cpu'],
    intraOpNumThreads: options.threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Vanishing activations are common in training and cost a microcode trap each.
    extra: { session: { set_denormal_as_zero: '1' } },
  });
}
