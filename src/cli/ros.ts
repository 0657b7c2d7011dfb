/** `alohad ros`: the ROS 2 node of a running daemon. */
import { Command, InvalidArgumentError } from 'commander';
import { daemonAddress, withDaemonAddress, type DaemonAddressOptions } from './daemonAddress.js';
import { interruptible } from './interrupt.js';
import { integer } from './options.js';

interface RosOptions extends DaemonAddressOptions {
  left: string;
  right: string;
  name: string;
  cameraTopic?: string;
  wait: number;
}

export function rosCommand(): Command {
  return (
    withDaemonAddress(new Command('ros'))
      .description('ROS 2 node of a running daemon (needs a sourced ROS 2 and rclnodejs), until Ctrl-C')
      .option('--left <namespace>', 'namespace of the left arm', 'follower_left')
      .option('--right <namespace>', 'namespace of the right arm', 'follower_right')
      .option('--name <name>', 'of the node, and prefix of its services', rosName, 'alohad')
      .option(
        '--camera-topic <topic>',
        'of decoded pictures, {camera} is a name; otherwise as in the ALOHA stack',
        cameraTopic,
      )
      .option('--wait <seconds>', 'how long to wait for the daemon', integer(0, 3600), 0)
      // `ros2 run` and `ros2 launch` add `--ros-args ...`, which rclnodejs reads by itself.
      .argument('[ros...]', 'what follows --ros-args')
      .allowUnknownOption()
      .addHelpText(
        'after',
        `
Examples:
  $ source /opt/ros/jazzy/setup.bash && alohad ros
  $ alohad ros --left puppet_left --right puppet_right --camera-topic /usb_{camera}/image_raw
  $ ros2 service call /alohad/emergency_stop std_srvs/srv/Trigger`,
      )
      .action(async (_: string[], options: RosOptions) => {
        const { runRosNode } = await import('../daemon/rosNode.js');
        const { left, right, wait, name, cameraTopic: topic } = options;
        const request = {
          ...daemonAddress(options),
          name,
          namespaces: { left, right },
          ...(topic !== undefined && { cameraTopic: topic }),
          waitS: wait,
        };
        await interruptible((signal) => runRosNode(request, signal));
      })
  );
}

/** Source: the naming rules of ROS 2: letters, digits, underscores, no digit first. */
const NAME = '[A-Za-z_][A-Za-z0-9_]*';

function rosName(text: string): string {
  if (new RegExp(`^${NAME}$`).test(text)) return text;
  throw new InvalidArgumentError('a name in ROS 2 has letters, digits and _, and no digit first');
}

function cameraTopic(text: string): string {
  const parts = text.replaceAll('{camera}', 'camera');
  if (text.includes('{camera}') && new RegExp(`^(/${NAME}){2,}$`).test(parts)) return text;
  throw new InvalidArgumentError(
    'give a whole topic of at least two names, one of them with {camera}, such as /usb_{camera}/image_raw',
  );
}
