/**
 * One camera's topics, named as the ALOHA stack does: the JPEG as it is, and, only while somebody listens, the decoded
 * image and its CameraInfo. No lens is calibrated here: the info has the size, and K of zeros, which says so (REP 104).
 */
import type { RosMessage, RosPort, RosTime } from './rosPort.js';

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** Shape (height, width, 3). */
  readonly rgb: Uint8Array;
}
export type DecodeJpeg = (jpeg: Uint8Array) => DecodedImage;

export class CameraTopics {
  readonly #port: RosPort;
  readonly #frame: string;
  readonly #decode: DecodeJpeg;
  readonly #raw: string;
  readonly #info: string;
  readonly #publish: Readonly<Record<'jpeg' | 'image' | 'info', (message: RosMessage) => void>>;

  constructor(port: RosPort, camera: string, decode: DecodeJpeg) {
    this.#port = port;
    this.#frame = camera;
    this.#decode = decode;
    this.#raw = `/${camera}/camera/color/image_rect_raw`;
    this.#info = `/${camera}/camera/color/camera_info`;
    this.#publish = {
      jpeg: port.advertise(`${this.#raw}/compressed`, 'sensor_msgs/msg/CompressedImage', 'sensor'),
      image: port.advertise(this.#raw, 'sensor_msgs/msg/Image', 'sensor'),
      info: port.advertise(this.#info, 'sensor_msgs/msg/CameraInfo', 'sensor'),
    };
  }

  publish(stamp: RosTime, jpeg: Uint8Array): void {
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
        distortion_model: '',
        d: new Float64Array(0),
        k: new Float64Array(9),
        r: new Float64Array(9),
        p: new Float64Array(12),
        binning_x: 0,
        binning_y: 0,
        roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
      });
  }
}
