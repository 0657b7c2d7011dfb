/** What alohad takes from the environment; it is read here and nowhere else. */

/** Token of the control API: a command line is seen by everybody on the machine, the environment is not. */
export const apiToken = (): string | undefined => process.env['ALOHAD_TOKEN'];

/** The ROS 2 distribution that this shell has sourced. */
export const rosDistribution = (): string | undefined => process.env['ROS_DISTRO'];

/** Where systemd waits for news of this process; absent when it does not. */
export const notifySocket = (): string | undefined => process.env['NOTIFY_SOCKET'];
