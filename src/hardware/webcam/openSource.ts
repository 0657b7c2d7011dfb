/** To add a kind of source, add it here. */
import { startFfmpeg } from './ffmpegSource.js';
import { startHttp } from './httpSource.js';
import { isMjpegFile, startMjpegFile } from './mjpegFileSource.js';
import type { CameraSpec, RunningSource, SourceListener } from './source.js';

/** Begins; `listener` is told later, never before this returns. */
export function openSource(spec: CameraSpec, listener: SourceListener): RunningSource {
  const { origin } = spec;
  if (origin.kind === 'url') return startHttp(origin.url, listener);
  if (origin.kind === 'file' && isMjpegFile(origin.path)) return startMjpegFile(spec, origin.path, listener);
  return startFfmpeg(spec, listener);
}
