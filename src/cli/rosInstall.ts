/** `alohad ros-install`: the ament package, for `ros2 run` and `ros2 launch`. */
import { Command } from 'commander';

export const rosInstallCommand = (): Command =>
  new Command('ros-install')
    .description('lay alohad out as an ament package: ros2 run alohad, ros2 launch alohad sim.launch.xml')
    .requiredOption('--prefix <folder>', 'where share/ and lib/ go, such as ~/ros2_ws/install')
    .addHelpText(
      'after',
      `
Example:
  $ alohad ros-install --prefix ~/alohad_ros && . ~/alohad_ros/share/alohad/local_setup.sh
  $ ros2 launch alohad sim.launch.xml`,
    )
    .action(async ({ prefix }: { prefix: string }) => {
      const { installRos } = await import('../daemon/installRos.js');
      for (const file of installRos(prefix)) process.stdout.write(`${file}\n`);
    });
