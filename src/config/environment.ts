/** What alohad takes from the environment; it is read here and nowhere else. */

/** Token of the control API: a command line is seen by everybody on the machine, the environment is not. */
export const apiToken = (): string | undefined => process.env['ALOHAD_TOKEN'];

/** Where systemd waits for news of this process; absent when it does not. */
export const notifySocket = (): string | undefined => process.env['NOTIFY_SOCKET'];
