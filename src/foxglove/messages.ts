/** ROS 2 messages of live channels that no recording has. Definitions: ros2/common_interfaces, ros2/geometry2, ros2/rcl_interfaces. */
import { RosType, type RosHeader, type RosTime } from '../episodes/rosMessages.js';
import type { ChannelDescription } from './protocol.js';

const SEPARATOR = '='.repeat(80);
const TIME = `${SEPARATOR}\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n`;

interface Vector3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export interface TransformStamped {
  readonly header: RosHeader;
  readonly child_frame_id: string;
  readonly transform: { readonly translation: Vector3; readonly rotation: Vector3 & { readonly w: number } };
}

export const TF_MESSAGE = new RosType<{ readonly transforms: readonly TransformStamped[] }>(
  'tf2_msgs/msg/TFMessage',
  `geometry_msgs/TransformStamped[] transforms
${SEPARATOR}
MSG: geometry_msgs/TransformStamped
std_msgs/Header header
string child_frame_id
geometry_msgs/Transform transform
${SEPARATOR}
MSG: geometry_msgs/Transform
geometry_msgs/Vector3 translation
geometry_msgs/Quaternion rotation
${SEPARATOR}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
${SEPARATOR}
MSG: geometry_msgs/Quaternion
float64 x
float64 y
float64 z
float64 w
${SEPARATOR}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
${TIME}`,
);

/** `level` of a log message. */
export const LOG_LEVEL = { info: 20, warn: 30 } as const;

export const LOG = new RosType<{
  readonly stamp: RosTime;
  readonly level: number;
  readonly name: string;
  readonly msg: string;
  readonly file: string;
  readonly function: string;
  readonly line: number;
}>(
  'rcl_interfaces/msg/Log',
  `byte DEBUG=10
byte INFO=20
byte WARN=30
byte ERROR=40
byte FATAL=50
builtin_interfaces/Time stamp
uint8 level
string name
string msg
string file
string function
uint32 line
${TIME}`,
);

/** How a channel of a ROS 2 type is offered. */
export const rosChannel = (
  topic: string,
  { schema }: Pick<RosType<unknown>, 'schema'>,
): ChannelDescription => ({
  topic,
  encoding: 'cdr',
  schemaName: schema.name,
  schemaEncoding: 'ros2msg',
  schema: new TextDecoder().decode(schema.data),
});
