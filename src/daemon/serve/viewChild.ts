/** The main thread's end of the thread that draws for people. */
import { Worker } from 'node:worker_threads';
import type { RunningChild } from './supervised.js';
import type { FromView, PictureSettings, ToView } from './viewWorker.js';

export type ViewFrame = Extract<FromView, { kind: 'frame' }>;

export interface ViewChild extends RunningChild {
  tell(message: ToView): void;
}

export async function startView(
  settings: PictureSettings,
  onFrame: (frame: ViewFrame) => void,
): Promise<ViewChild> {
  const worker = new Worker(new URL('./viewWorker.js', import.meta.url), { workerData: settings });
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (message: FromView) => {
      if (message.kind === 'frame') onFrame(message);
      else resolve();
    });
  });
  let closing = false;
  return {
    tell: (message) => {
      worker.postMessage(message);
    },
    ended: new Promise((resolve) => {
      let reason = '';
      worker.on('error', (error) => {
        reason = String(error);
      });
      worker.on('exit', (code) => {
        resolve(closing ? undefined : reason || `it exited (${code})`);
      });
    }),
    end: () => {
      closing = true;
      void worker.terminate();
    },
  };
}
