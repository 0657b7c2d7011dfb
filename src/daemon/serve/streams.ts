/** Sends the newest tick and the newest chunk to those who want them, thirty times a second. */
import type { ApiServer } from '../../api/apiServer.js';
import { encodeFrame, JOINT_FIELDS } from '../../contract/apiFrames.js';
import { DOF } from '../../contract/robot.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { CHUNK_LENGTH, TICK_LENGTH, type LiveMemory } from './liveMemory.js';

const PERIOD_MS = 33;

/**
 * Returns what ends it.
 * @param onTick told of every tick that is sent; its array is overwritten by the next
 */
export function startStreams(
  memory: LiveMemory,
  server: ApiServer,
  onTick: (tick: Float64Array) => void,
): () => void {
  const ticks = new SharedSample(memory.tick);
  const chunks = new SharedSample(memory.chunk);
  const tick = new Float64Array(TICK_LENGTH);
  const chunk = new Float64Array(CHUNK_LENGTH);
  let [tickSent, chunkSent] = [0, 0];
  const timer = setInterval(() => {
    if (ticks.version !== tickSent && ticks.read(tick)) {
      tickSent = ticks.version;
      onTick(tick);
      server.stream(
        ({ joints }) => joints,
        () =>
          encodeFrame('joints', 0, tick[0]!, tick[1]!, Float32Array.from(tick.subarray(2, 2 + JOINT_FIELDS))),
      );
    }
    if (chunks.version !== chunkSent && chunks.read(chunk)) {
      chunkSent = chunks.version;
      const [step, rows] = [chunk[0]!, chunk[1]!];
      server.stream(
        (client) => client.chunks,
        () =>
          encodeFrame(
            'chunk',
            rows,
            step,
            monotonicMs(),
            Float32Array.from(chunk.subarray(2, 2 + rows * DOF)),
          ),
      );
    }
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
  };
}
