/**
 * The ROS 2 messages of an episode and their CDR encoding, so that Foxglove and `ros2 bag play` read the file.
 * Definitions: ros2/common_interfaces (sensor_msgs, std_msgs) and ros2/rcl_interfaces (builtin_interfaces).
 */
import { parse } from '@foxglove/rosmsg';
import { MessageReader, MessageWriter } from '@foxglove/rosmsg2-serialization';
import type { Schema } from '@mcap/core';

const SEPARATOR = '='.repeat(80);
const TIME = `${SEPARATOR}\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n`;
const HEADER = `${SEPARATOR}\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n${TIME}`;
const DIMENSION = `${SEPARATOR}\nMSG: std_msgs/MultiArrayDimension\nstring label\nuint32 size\nuint32 stride\n`;
const LAYOUT =
  `${SEPARATOR}\nMSG: std_msgs/MultiArrayLayout\n` +
  `std_msgs/MultiArrayDimension[] dim\nuint32 data_offset\n${DIMENSION}`;

/** A time as ROS 2 writes it. */
export interface RosTime {
  readonly sec: number;
  readonly nanosec: number;
}

export const rosTime = (timeNs: bigint): RosTime => ({
  sec: Number(timeNs / 1_000_000_000n),
  nanosec: Number(timeNs % 1_000_000_000n),
});

export interface RosHeader {
  readonly stamp: RosTime;
  readonly frame_id: string;
}

export interface JointState {
  readonly header: RosHeader;
  readonly name: readonly string[];
  readonly position: ArrayLike<number>;
  readonly velocity: ArrayLike<number>;
  readonly effort: ArrayLike<number>;
}

export interface CompressedImage {
  readonly header: RosHeader;
  readonly format: string;
  readonly data: Uint8Array;
}

export interface Float64MultiArray {
  readonly layout: { readonly dim: readonly never[]; readonly data_offset: number };
  readonly data: ArrayLike<number>;
}

/** A message type: its schema for the file, and how values become bytes and back. */
export class RosType<T> {
  readonly schema: Omit<Schema, 'id'>;
  readonly #writer: MessageWriter;
  readonly #reader: MessageReader<T>;

  constructor(name: string, definition: string) {
    this.schema = { name, encoding: 'ros2msg', data: new TextEncoder().encode(definition) };
    const parsed = parse(definition, { ros2: true });
    this.#writer = new MessageWriter(parsed);
    this.#reader = new MessageReader<T>(parsed);
  }

  encode(value: T): Uint8Array {
    return this.#writer.writeMessage(value);
  }

  /** Throws RangeError on bytes that end too early. */
  decode(data: Uint8Array): T {
    return this.#reader.readMessage(data);
  }
}

export const JOINT_STATE = new RosType<JointState>(
  'sensor_msgs/msg/JointState',
  `std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n${HEADER}`,
);

export const COMPRESSED_IMAGE = new RosType<CompressedImage>(
  'sensor_msgs/msg/CompressedImage',
  `std_msgs/Header header\nstring format\nuint8[] data\n${HEADER}`,
);

export const FLOAT64 = new RosType<{ readonly data: number }>('std_msgs/msg/Float64', 'float64 data\n');

export const STRING = new RosType<{ readonly data: string }>('std_msgs/msg/String', 'string data\n');

export const FLOAT64_ARRAY = new RosType<Float64MultiArray>(
  'std_msgs/msg/Float64MultiArray',
  `std_msgs/MultiArrayLayout layout\nfloat64[] data\n${LAYOUT}`,
);
