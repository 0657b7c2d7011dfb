/**
 * Frames of an HTTP MJPEG stream (multipart/x-mixed-replace, or JPEG files one after the other), without any other
 * program. What stands between pictures is skipped, whatever the server puts there.
 */
import { get as getHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { monotonicMs } from '../../realtime/monotonic.js';
import { JpegSplitter } from './jpegSplitter.js';
import { fault, type CameraFault, type RunningSource, type SourceListener } from './source.js';

const STREAM_TYPES = /^(?:multipart\/|image\/jpeg|video\/x-(?:motion-)?m?jpeg|application\/octet-stream)/i;

export function startHttp(url: string, listener: SourceListener): RunningSource {
  const splitter = new JpegSplitter(listener);
  let over = false;
  const end = (reason: CameraFault): void => {
    if (over) return;
    over = true;
    splitter.end();
    request.destroy();
    listener.onEnd(reason);
  };
  const onResponse = (response: IncomingMessage): void => {
    const { statusCode = 0, headers } = response;
    const type = headers['content-type'] ?? '';
    if (statusCode !== 200) {
      end(
        fault(
          'unavailable',
          `${url} answers ${statusCode} ${response.statusMessage ?? ''}: look at address and password`,
        ),
      );
      return;
    }
    if (!STREAM_TYPES.test(type)) {
      end(fault('unavailable', `${url} sends ${type || 'something without a type'}, not an MJPEG stream`));
      return;
    }
    response.on('data', (piece: Buffer) => {
      if (!over) splitter.push(piece, monotonicMs());
    });
    response.on('error', () => end(fault('unplugged', `${url} broke the connection`)));
    response.on('close', () => end(fault('unplugged', `${url} ended the stream`)));
  };
  const secure = url.startsWith('https:');
  // A connection of its own: one that is kept for others would be shared with a stream that never ends.
  const request: ClientRequest = (secure ? getHttps : getHttp)(url, { agent: false }, onResponse);
  request.on('error', (error) => end(fault('unplugged', `${url} cannot be reached: ${error.message}`)));
  return {
    stop: () => {
      over = true;
      request.destroy();
    },
  };
}
