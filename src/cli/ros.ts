/** `alohad ros`: the ROS 2 node of a running daemon. */
import { Command } from 'commander';
import { daemonAddress, withDaemonAddress, type DaemonAddressOptions } from './daemonAddress.js';
import { interruptible } from './interrupt.js';
import { integer } from './options.js';

interface RosOptions extends DaemonAddressOptions {
  left: string;
  right: string;
  wait: number;
}

export function rosCommand(): Command {
  return (
    withDaemonAddress(new Command('ros'))
      .description('ROS 2 node of a running daemon (needs a sourced ROS 2 and rclnodejs), until Ctrl-C')
      .option('--left <namespace>', 'namespace of the left arm', 'follower_left')
      .option('--right <namespace>', 'namespace of the right arm', 'follower_right')
      .option('--wait <seconds>', 'how long to wait for the daemon', integer(0, 3600), 0)
      // `ros2 run` and `ros2 launch` add `--ros-args ...`, which rclnodejs reads by itself.
      .argument('[ros...]', 'what follows --ros-args')
      .allowUnknownOption()
      .addHelpText(
        'after',
        `
Examples:
  $ source /opt/ros/jazzy/setup.bash && alohad ros
  $ alohad ros --left puppet_left --right puppet_right
  $ ros2 service call /alohad/emergency_stop std_srvs/srv/Trigger`,
      )
      .action(async (_: string[], options: RosOptions) => {
        const { runRosNode } = await import('../daemon/rosNode.js');
        const { left, right, wait } = options;
        await interruptible((signal) =>
          runRosNode({ ...daemonAddress(options), namespaces: { left, right }, waitS: wait }, signal),
        );
      })
  );
}
