/** Arms behind somebody else's ROS 2 driver as a workcell; the rig's own webcams look at them. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadGripper } from '../config/armFiles.js';
import { rosEnvironment } from '../config/environment.js';
import type { Rig } from '../config/rig.js';
import type { StartPose } from '../contract/task.js';
import type { Webcams } from '../hardware/webcam/webcams.js';
import { RosGripper } from '../ros/gripper.js';
import { requireRos } from '../ros/rclnodejsPort.js';
import { RelayedPeer, type FromRelay } from '../ros/relay.js';
import { RosRobot } from '../ros/rosRobot.js';
import { openWebcams } from './rigCameras.js';
import type { SlowMove, Workcell } from './workcell.js';

const CHILD = fileURLToPath(new URL('./rosRelayChild.js', import.meta.url));

export class RosWorkcell implements Workcell {
  readonly robot: RosRobot;
  readonly webcams: Webcams | undefined;
  readonly #child: ChildProcess;

  /** Throws RosUnavailableError, and what the cameras throw. */
  static async open(rig: Rig): Promise<RosWorkcell> {
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
      return new RosWorkcell(rig, peer, child, await openWebcams(rig));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(rig: Rig, peer: RelayedPeer, child: ChildProcess, webcams: Webcams | undefined) {
    this.#child = child;
    this.webcams = webcams;
    this.robot = new RosRobot(peer, {
      gripper: new RosGripper(loadGripper('aloha', 'follower')),
      namespaces: rig.ros,
      ...(webcams && { images: webcams }),
    });
  }

  async begin(_start: StartPose, toStart: SlowMove): Promise<boolean> {
    if (!(await toStart())) return false;
    this.robot.countFromZero();
    return true;
  }

  async park(toRest: SlowMove): Promise<boolean> {
    return await toRest();
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.webcams?.close();
  }
}
