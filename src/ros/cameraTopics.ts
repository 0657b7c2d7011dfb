/**
 * One camera's topics: the JPEG as it is, and, only while somebody listens, the decoded image and its CameraInfo.
 * Of a camera that nobody calibrated the info has the size, and K of zeros, which says so (REP 104).
 */
import type { Intrinsics } from '../contract/camera.js';
import type { RosMessage, RosPort, RosTime } from './rosPort.js';

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** Shape (height, width, 3). */
  readonly rgb: Uint8Array;
}

/** Where a camera's pictures go unless told otherwise, as in the ALOHA stack. */
export const CAMERA_TOPIC = '/{camera}/camera/color/image_rect_raw';

export type DecodeJpeg = (jpeg: Uint8Array) => DecodedImage;

export class CameraTopics {
  readonly #port: RosPort;
  readonly #frame: string;
  readonly #decode: DecodeJpeg;
  readonly #raw: string;
  readonly #info: string;
  readonly #publish: Readonly<Record<'jpeg' | 'image' | 'info', (message: RosMessage) => void>>;

  /** @param topic of the decoded image, `{camera}` stands for its name; the others are named beside it, as image_transport does */
  constructor(port: RosPort, camera: string, topic: string, decode: DecodeJpeg) {
    this.#port = port;
    this.#frame = camera;
    this.#decode = decode;
    this.#raw = topic.replaceAll('{camera}', camera);
    this.#info = `${this.#raw.slice(0, this.#raw.lastIndexOf('/'))}/camera_info`;
    this.#publish = {
      jpeg: port.advertise(`${this.#raw}/compressed`, 'sensor_msgs/msg/CompressedImage', 'sensor'),
      image: port.advertise(this.#raw, 'sensor_msgs/msg/Image', 'sensor'),
      info: port.advertise(this.#info, 'sensor_msgs/msg/CameraInfo', 'sensor'),
    };
  }

  /** @param intrinsics absent: not calibrated */
  publish(stamp: RosTime, jpeg: Uint8Array, intrinsics?: Intrinsics): void {
    const header = { stamp, frame_id: this.#frame };
    this.#publish.jpeg({ header, format: 'jpeg', data: jpeg });
    const [raw, info] = [this.#port.listeners(this.#raw) > 0, this.#port.listeners(this.#info) > 0];
    if (!raw && !info) return;
    const { width, height, rgb } = this.#decode(jpeg);
    if (raw)
      this.#publish.image({
        header,
        width,
        height,
        encoding: 'rgb8',
        is_bigendian: 0,
        step: 3 * width,
        data: rgb,
      });
    if (info)
      this.#publish.info({
        header,
        width,
        height,
        ...calibration(intrinsics, width, height),
        binning_x: 0,
        binning_y: 0,
        roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
      });
  }
}

/** As of a picture of width x height, which shows the whole frame. */
function calibration(of: Intrinsics | undefined, width: number, height: number): RosMessage {
  if (!of) {
    return {
      distortion_model: '',
      d: new Float64Array(0),
      k: new Float64Array(9),
      r: new Float64Array(9),
      p: new Float64Array(12),
    };
  }
  const [right, down] = [width / of.width, height / of.height];
  const [fx, fy] = [of.fx * right, of.fy * down];
  // Pixels are numbered by their centres, so it is their edges that scale.
  const [cx, cy] = [(of.cx + 0.5) * right - 0.5, (of.cy + 0.5) * down - 0.5];
  const distortion = new Float64Array(5);
  distortion.set(of.distortion);
  return {
    distortion_model: 'plumb_bob',
    d: distortion,
    k: Float64Array.of(fx, 0, cx, 0, fy, cy, 0, 0, 1),
    r: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    p: Float64Array.of(fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0),
  };
}
