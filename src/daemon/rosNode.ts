/** The ROS 2 node of a running daemon, in a process of its own: rclnodejs must have a main thread. */
import { readFileSync } from 'node:fs';
import { decodeJpeg } from '../imaging/jpeg.js';
import { ApiClient, type ApiAddress } from '../api/apiClient.js';
import { loadArmProfile, loadGripper } from '../config/armFiles.js';
import { rosEnvironment } from '../config/environment.js';
import { DaemonUnreachableError } from '../contract/apiErrors.js';
import type { StreamFrame } from '../contract/apiFrames.js';
import { ARM_JOINTS, type Arm } from '../contract/robot.js';
import { linkTransform, readJoints } from '../description/urdf.js';
import { ALOHA_LIMITS } from '../control/limits.js';
import { CAMERA_TOPIC } from '../ros/cameraTopics.js';
import type { ArmInfo } from '../ros/armServices.js';
import { RosGripper } from '../ros/gripper.js';
import { RclnodejsPort } from '../ros/rclnodejsPort.js';
import { RosNode } from '../ros/rosNode.js';
import type { RosPort } from '../ros/rosPort.js';

const URDF = new URL('../../urdf/vx300s.urdf', import.meta.url);
const DIAGNOSTICS_MS = 1000;
const RETRY_MS = 200;

export interface RosNodeRequest extends ApiAddress {
  /** Of the node, and prefix of its own services and parameters. */
  readonly name: string;
  readonly namespaces: Readonly<Record<Arm, string>>;
  /** See CameraTopics. */
  readonly cameraTopic?: string;
  /** How long a daemon that is not there yet is waited for [s]. */
  readonly waitS: number;
}

/** Runs until `signal`. Throws RosUnavailableError before it looks for the daemon. */
export async function runRosNode(request: RosNodeRequest, signal: AbortSignal): Promise<void> {
  const port = await RclnodejsPort.open(request.name, rosEnvironment());
  try {
    await runRosNodeOn(port, request, signal);
  } finally {
    await port.close();
  }
}

/** Runs until `signal`, which closes the connection. Throws DaemonUnreachableError when the daemon ends first. */
export async function runRosNodeOn(
  port: RosPort,
  { name, namespaces, cameraTopic = CAMERA_TOPIC, waitS, ...address }: RosNodeRequest,
  signal: AbortSignal,
): Promise<void> {
  let cameras = '';
  let node: RosNode | undefined;
  const onFrame = (frame: StreamFrame): void => node?.onFrame(frame);
  const client = await patiently(waitS, signal, async () => ApiClient.connect(address, () => {}, onFrame));
  const stop = (): void => {
    client.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    await client.send({ type: 'hello', name: 'ROS 2' });
    const urdf = readFileSync(URDF, 'utf8');
    node = new RosNode(port, client, {
      namespaces,
      name: `/${name}`,
      cameraTopic,
      urdf,
      joints: readJoints(urdf).map((joint) => ({
        isFixed: joint.type === 'fixed',
        frame: (position) => linkTransform(joint, position),
      })),
      gripper: loadGripper('aloha', 'follower'),
      arm: armInfo(),
      decode: decodeJpeg,
    });
    await node.applyOverrides();
    const tell = async (): Promise<void> => {
      node?.publishDiagnostics();
      // Another backend may have other cameras.
      const present = client.state.cameras.join();
      if (present === cameras) return;
      cameras = present;
      await node?.subscribe();
    };
    // Before it is asked for: a robot that is connected meanwhile has others.
    cameras = client.state.cameras.join();
    await node.subscribe();
    timer = setInterval(() => {
      // A connection that is lost is noticed below.
      tell().catch(() => {});
    }, DIAGNOSTICS_MS);
    if (signal.aborted) stop();
    await client.closed();
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
    client.close();
  }
  if (!signal.aborted) throw new DaemonUnreachableError('the daemon ended; start the node again with it');
}

/** Throws what `connect` throws once the time is over. */
async function patiently<Result>(
  waitS: number,
  signal: AbortSignal,
  connect: () => Promise<Result>,
): Promise<Result> {
  for (const end = performance.now() + waitS * 1000; ;) {
    try {
      return await connect();
    } catch (error) {
      if (signal.aborted || performance.now() > end || !(error instanceof DaemonUnreachableError))
        throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** What the followers are, as the Interbotix driver would tell it: a gripper is its motor [rad]. */
function armInfo(): ArmInfo {
  const { servos, sleepPose } = loadArmProfile('vx300s');
  const gripper = new RosGripper(loadGripper('aloha', 'follower'));
  const limits = ALOHA_LIMITS.slice(0, ARM_JOINTS.length);
  const last = ARM_JOINTS.length - 1;
  return {
    jointNames: ARM_JOINTS,
    jointIds: ARM_JOINTS.map((joint) => servos.find(({ name }) => name === joint)?.id ?? 0),
    lower: limits.map(({ min }, i) => (i === last ? gripper.motorOf(min) : min)),
    upper: limits.map(({ max }, i) => (i === last ? gripper.motorOf(max) : max)),
    velocity: limits.map(({ speed }, i) => (i === last ? speed * gripper.motorTravel : speed)),
    sleep: sleepPose,
  };
}
