import { describe, expect, it } from 'vitest';
import { rosEnvironment } from '#alohad/config/environment.js';
import { MemoryNetwork } from '#alohad/ros/memoryPort.js';
import { RclnodejsPort, requireRos } from '#alohad/ros/rclnodejsPort.js';
import { RosUnavailableError } from '#alohad/ros/rosPort.js';
import { describeRosPortContract } from './rosPortContract.js';

describeRosPortContract('MemoryPort', () => {
  const network = new MemoryNetwork(['sensor_msgs', 'std_msgs', 'std_srvs']);
  return Promise.resolve([network.port(), network.port()]);
});

const sourced = ((): boolean => {
  try {
    requireRos(rosEnvironment());
    return true;
  } catch {
    return false;
  }
})();

if (sourced || process.env['REQUIRE_ROS'] === '1') {
  // One port that hears itself: rclnodejs has one context in a process.
  describeRosPortContract('RclnodejsPort', async () => {
    const port = await RclnodejsPort.open('alohad_test', rosEnvironment());
    return [port, port];
  });
} else {
  describe.skip('RclnodejsPort: ROS 2 is not sourced here; REQUIRE_ROS=1 makes this a failure', () => {
    it('is not run', () => {});
  });
}

describe('requireRos', () => {
  const lacking = [
    [{ distribution: undefined, amentPrefixes: [], libraryFolders: [] }, 'ROS_DISTRO'],
    [{ distribution: 'jazzy', amentPrefixes: [], libraryFolders: [] }, 'AMENT_PREFIX_PATH'],
    [{ distribution: 'jazzy', amentPrefixes: ['/opt'], libraryFolders: ['/nowhere'] }, 'librcl.so'],
  ] as const;
  it.each(lacking)(
    'names what is missing, before rclnodejs is imported: %o',
    async (environment, missing) => {
      const opened = RclnodejsPort.open('x', environment);
      await expect(opened).rejects.toThrow(RosUnavailableError);
      await expect(opened).rejects.toThrow(missing);
    },
  );
});
