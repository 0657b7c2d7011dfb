/** Arms behind somebody else's ROS 2 driver as a workcell; the rig's own webcams look at them. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadGripper } from '../config/armFiles.js';
import { rosEnvironment } from '../config/environment.js';
import type { Rig } from '../config/rig.js';
import { RosGripper } from '../ros/gripper.js';
import { requireRos } from '../ros/rclnodejsPort.js';
import { RelayedPeer, type FromRelay } from '../ros/relay.js';
import { RosRobot } from '../ros/rosRobot.js';
import { openWebcams } from './rigCameras.js';
import { RoomWorkcell } from './roomWorkcell.js';
import type { Workcell } from './workcell.js';

const CHILD = fileURLToPath(new URL('./rosRelayChild.js', import.meta.url));

/** Throws RosUnavailableError, and what the cameras throw. */
export async function openRosWorkcell(rig: Rig): Promise<Workcell> {
  requireRos(rosEnvironment());
  const child = fork(CHILD);
  const peer = new RelayedPeer((message) => {
    if (child.connected) child.send(message);
  });
  child.on('message', (message: FromRelay) => {
    peer.take(message);
  });
  child.on('error', ({ message }) => {
    peer.ended(message);
  });
  child.on('exit', (code, signal) => {
    peer.ended(String(signal ?? code));
  });
  try {
    await peer.ready();
    const webcams = await openWebcams(rig);
    const robot = new RosRobot(peer, {
      gripper: new RosGripper(loadGripper('aloha', 'follower')),
      namespaces: rig.ros,
      ...(webcams && { images: webcams }),
    });
    return new RoomWorkcell(robot, webcams, () => {
      if (child.connected) child.disconnect();
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
