/** `alohad ros`: the ROS 2 node of a running daemon. */
import { Command } from 'commander';
import { apiToken } from '../config/environment.js';
import { interruptible } from './interrupt.js';
import { DEFAULT_PORT } from './serve.js';

interface RosOptions {
  url: string;
  token?: string;
  left: string;
  right: string;
}

export function rosCommand(): Command {
  return (
    new Command('ros')
      .description('ROS 2 node of a running daemon (needs a sourced ROS 2 and rclnodejs), until Ctrl-C')
      .option('--url <address>', 'the daemon', `http://127.0.0.1:${DEFAULT_PORT}`)
      .option('--token <text>', 'its token; better given as ALOHAD_TOKEN')
      .option('--left <namespace>', 'namespace of the left arm', 'follower_left')
      .option('--right <namespace>', 'namespace of the right arm', 'follower_right')
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
        const { url, left, right } = options;
        const token = options.token ?? apiToken();
        await interruptible((signal) =>
          runRosNode({ url, namespaces: { left, right }, ...(token !== undefined && { token }) }, signal),
        );
      })
  );
}
