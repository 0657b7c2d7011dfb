/** What alohad takes from the environment; it is read here and nowhere else. */

/** Token of the control API: a command line is seen by everybody on the machine, the environment is not. */
export const apiToken = (): string | undefined => process.env['ALOHAD_TOKEN'];

/** The ROS 2 distribution that this shell has sourced. */
export const rosDistribution = (): string | undefined => process.env['ROS_DISTRO'];

/** What sourcing ROS 2 sets: its distribution, where packages are, where libraries are. */
export const rosEnvironment = (): {
  distribution: string | undefined;
  amentPrefixes: string[];
  libraryFolders: string[];
} => ({
  distribution: rosDistribution(),
  amentPrefixes: foldersOf('AMENT_PREFIX_PATH'),
  libraryFolders: foldersOf('LD_LIBRARY_PATH'),
});

const foldersOf = (variable: string): string[] =>
  (process.env[variable] ?? '').split(':').filter((folder) => folder !== '');

/** Where systemd waits for news of this process; absent when it does not. */
export const notifySocket = (): string | undefined => process.env['NOTIFY_SOCKET'];

/** How long systemd lets this process be silent [ms]; absent when it does not watch it. */
export function watchdogMs(): number | undefined {
  const { WATCHDOG_USEC: micros, WATCHDOG_PID: pid } = process.env;
  const isOurs = pid === undefined || Number(pid) === process.pid;
  return isOurs && Number(micros) > 0 ? Number(micros) / 1000 : undefined;
}
