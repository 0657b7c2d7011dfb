/**
 * Writes vx300s.urdf (follower) and wx250s.urdf (leader) from one table each: `node urdf/make.js [FOLDER]`.
 *
 * Offsets, limits, efforts: Interbotix interbotix_ros_manipulators, urdf/{vx300s,wx250s}.urdf.xacro. Masses, centres of
 * mass and inertias: huggingface/gym-aloha vx300s_left.xml and mujoco_menagerie trossen_wx250s. The gripper's bar and
 * camera mount are part of gripper_link, as there. Shapes are our own primitives.
 */
// oxlint-disable oxc/approx-constant -- quaternions as published
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BLACK = 'black';
const GREY = 'grey';
const box = (size, at, colour = BLACK) => ({ tag: `<box size="${size.join(' ')}"/>`, at, colour });
/** A cylinder along x, y or z. */
const cylinder = (axis, radius, length, at, colour = GREY) => ({
  tag: `<cylinder radius="${radius}" length="${length}"/>`,
  at,
  rpy: { x: '0 1.5707963 0', y: '1.5707963 0 0', z: '0 0 0' }[axis],
  colour,
});

/** An inertia about the centre of mass, [ixx iyy izz ixy ixz iyz] along the link's axes [kg m^2]. */
const body = (kg, centre, inertia) => ({ kg, centre, inertia });

/** The same from principal moments and the rotation (w x y z) to their axes. */
function mass(kg, centre, [w, x, y, z], moments) {
  const axes = [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
  const entry = (a, b) => moments.reduce((sum, moment, k) => sum + axes[a][k] * moment * axes[b][k], 0);
  return body(kg, centre, [entry(0, 0), entry(1, 1), entry(2, 2), entry(0, 1), entry(0, 2), entry(1, 2)]);
}

const VX300S = {
  name: 'vx300s',
  links: [
    {
      link: 'base_link',
      inertial: mass(
        0.969034,
        [-0.0534774, -0.000562575, 0.0205961],
        [-0.00292324, 0.712517, 0.00480387, 0.701633],
        [0.0071633, 0.00602451, 0.00169819],
      ),
      shapes: [
        box([0.29, 0.16, 0.012], [-0.045, 0, 0.006], GREY),
        cylinder('z', 0.058, 0.064, [0, 0, 0.044], BLACK),
      ],
    },
    {
      link: 'shoulder_link',
      joint: 'waist',
      axis: 'z',
      at: [0, 0, 0.079],
      range: [-3.14158, 3.14158],
      effort: 10,
      inertial: mass(
        0.798614,
        [0.000259233, -3.3552e-6, 0.0116129],
        [-0.476119, 0.476083, 0.52279, 0.522826],
        [0.00120156, 0.00113744, 0.0009388],
      ),
      shapes: [cylinder('z', 0.055, 0.016, [0, 0, 0.008], BLACK), box([0.06, 0.12, 0.06], [0, 0, 0.032])],
    },
    {
      link: 'upper_arm_link',
      joint: 'shoulder',
      axis: 'y',
      at: [0, 0, 0.04805],
      range: [-1.85005, 1.25664],
      effort: 20,
      inertial: mass(
        0.792592,
        [0.0206949, 4e-10, 0.226459],
        [0, 0.0728458, 0, 0.997343],
        [0.00911338, 0.008925, 0.000759317],
      ),
      shapes: [box([0.028, 0.06, 0.27], [0, 0, 0.15]), box([0.072, 0.068, 0.044], [0.03, 0, 0.3])],
    },
    {
      link: 'upper_forearm_link',
      joint: 'elbow',
      axis: 'y',
      at: [0.05955, 0, 0.3],
      range: [-1.76278, 1.6057],
      effort: 15,
      inertial: mass(
        0.322228,
        [0.105723, 0, 0],
        [-0.000621631, 0.704724, 0.0105292, 0.709403],
        [0.00144107, 0.00134228, 0.000152047],
      ),
      shapes: [box([0.15, 0.052, 0.034], [0.1, 0, 0])],
    },
    {
      link: 'lower_forearm_link',
      joint: 'forearm_roll',
      axis: 'x',
      at: [0.2, 0, 0],
      range: [-3.14158, 3.14158],
      effort: 2,
      inertial: mass(
        0.414823,
        [0.0513477, 0.00680462, 0],
        [-0.702604, -0.0796724, -0.702604, 0.0796724],
        [0.0005911, 0.000546493, 0.000155707],
      ),
      shapes: [box([0.088, 0.052, 0.042], [0.042, 0, 0]), cylinder('y', 0.02, 0.072, [0.1, 0.004, 0])],
    },
    {
      link: 'wrist_link',
      joint: 'wrist_angle',
      axis: 'y',
      at: [0.1, 0, 0],
      range: [-1.8675, 2.23402],
      effort: 5,
      inertial: mass(
        0.115395,
        [0.046743, -7.6652e-6, 0.010565],
        [-0.00100191, 0.544586, 0.0026583, 0.8387],
        [5.45707e-5, 4.63101e-5, 4.32692e-5],
      ),
      shapes: [box([0.052, 0.04, 0.036], [0.042, 0, 0.006])],
    },
    {
      link: 'gripper_link',
      joint: 'wrist_rotate',
      axis: 'x',
      at: [0.069744, 0, 0],
      range: [-3.14158, 3.14158],
      effort: 1,
      inertial: mass(
        0.251652,
        [0.0395662, -2.56311e-7, 0.00400649],
        [0.62033, 0.619916, -0.339682, 0.339869],
        [0.000689546, 0.000650316, 0.000468142],
      ),
      shapes: [box([0.042, 0.04, 0.048], [0.021, 0, 0.006]), box([0.016, 0.148, 0.03], [0.048, 0, 0])],
    },
  ],
  propeller: {
    at: [0.0485, 0, 0],
    inertial: mass(
      0.008009,
      [0.002378, 2.85e-8, 0],
      [0, 0, 0.897698, 0.440611],
      [4.2979e-6, 2.8868e-6, 1.5314e-6],
    ),
  },
  finger: {
    at: [0.0687, 0, 0],
    range: [0.021, 0.057],
    left: mass(
      0.034796,
      [0.017344, -0.0060692, 0],
      [0.449364, 0.449364, -0.54596, -0.54596],
      [2.48003e-5, 1.417e-5, 1.20797e-5],
    ),
    right: mass(
      0.034796,
      [0.017344, 0.0060692, 0],
      [0.44937, -0.44937, 0.545955, -0.545955],
      [2.48002e-5, 1.417e-5, 1.20798e-5],
    ),
    shape: (side) => box([0.09, 0.012, 0.036], [0.04, -side * 0.0164, 0], GREY),
  },
  grip: [0.135, 0, 0],
};

const WX250S = {
  name: 'wx250s',
  links: [
    {
      link: 'base_link',
      inertial: mass(
        0.538736,
        [-0.0380446, 0.000613892, 0.0193354],
        [0.509292, 0.490887, -0.496359, 0.503269],
        [0.00252518, 0.00211519, 0.000690737],
      ),
      shapes: [
        box([0.2, 0.12, 0.012], [-0.035, 0, 0.006], GREY),
        cylinder('z', 0.045, 0.058, [0, 0, 0.041], BLACK),
      ],
    },
    {
      link: 'shoulder_link',
      joint: 'waist',
      axis: 'z',
      at: [0, 0, 0.072],
      range: [-3.14158, 3.14158],
      effort: 10,
      inertial: mass(
        0.480879,
        [2.23482e-5, 4.14609e-5, 0.0066287],
        [0.0130352, 0.706387, 0.012996, 0.707586],
        [0.000588946, 0.000555655, 0.000378999],
      ),
      shapes: [cylinder('z', 0.042, 0.014, [0, 0, 0.007], BLACK), box([0.048, 0.096, 0.05], [0, 0, 0.026])],
    },
    {
      link: 'upper_arm_link',
      joint: 'shoulder',
      axis: 'y',
      at: [0, 0, 0.03865],
      range: [-1.88496, 1.98968],
      effort: 20,
      inertial: mass(
        0.430811,
        [0.0171605, 2.725e-7, 0.191323],
        [0.705539, 0.0470667, -0.0470667, 0.705539],
        [0.00364425, 0.003463, 0.000399348],
      ),
      shapes: [box([0.024, 0.048, 0.22], [0, 0, 0.125]), box([0.06, 0.056, 0.038], [0.025, 0, 0.25])],
    },
    {
      link: 'upper_forearm_link',
      joint: 'elbow',
      axis: 'y',
      at: [0.04975, 0, 0.25],
      range: [-2.14675, 1.6057],
      effort: 15,
      inertial: mass(
        0.234589,
        [0.107963, 0.000115876, 0],
        [0.000980829, 0.707106, -0.000980829, 0.707106],
        [0.000888, 0.000887807, 3.97035e-5],
      ),
      shapes: [box([0.13, 0.044, 0.03], [0.088, 0, 0])],
    },
    {
      link: 'lower_forearm_link',
      joint: 'forearm_roll',
      axis: 'x',
      at: [0.175, 0, 0],
      range: [-3.14158, 3.14158],
      effort: 2,
      inertial: mass(
        0.220991,
        [0.0374395, 0.00522252, 0],
        [-0.0732511, 0.703302, 0.0732511, 0.703302],
        [0.0001834, 0.000172527, 5.88633e-5],
      ),
      shapes: [box([0.064, 0.044, 0.036], [0.034, 0, 0]), cylinder('y', 0.017, 0.06, [0.075, 0.004, 0])],
    },
    {
      link: 'wrist_link',
      joint: 'wrist_angle',
      axis: 'y',
      at: [0.075, 0, 0],
      range: [-1.74533, 2.14675],
      effort: 5,
      inertial: mass(
        0.084957,
        [0.04236, -1.0663e-5, 0.010577],
        [0.608721, 0.363497, -0.359175, 0.606895],
        [3.29057e-5, 3.082e-5, 2.68343e-5],
      ),
      shapes: [box([0.046, 0.034, 0.032], [0.038, 0, 0.006])],
    },
    {
      link: 'gripper_link',
      joint: 'wrist_rotate',
      axis: 'x',
      at: [0.065, 0, 0],
      range: [-3.14158, 3.14158],
      effort: 1,
      inertial: mass(
        0.110084,
        [0.0325296, 4.2061e-7, 0.0090959],
        [0.546081, 0.419626, 0.62801, 0.362371],
        [0.00307592, 0.00307326, 0.0030332],
      ),
      shapes: [box([0.04, 0.036, 0.044], [0.02, 0, 0.006]), box([0.014, 0.11, 0.026], [0.046, 0, 0])],
    },
  ],
  propeller: {
    at: [0.0485, 0, 0],
    inertial: body(
      0.00434,
      [0.000846, -1.6817e-6, 4.2e-5],
      [1.1156e-6, 5.923e-7, 5.743e-7, 0, 4e-10, 3.195e-7],
    ),
  },
  finger: {
    at: [0.066, 0, 0],
    range: [0.015, 0.037],
    left: mass(
      0.016246,
      [0.013816, 0, 0],
      [0.705384, 0.705384, -0.0493271, -0.0493271],
      [4.79509e-6, 3.7467e-6, 1.48651e-6],
    ),
    right: mass(
      0.016246,
      [0.013816, 0, 0],
      [0.705384, 0.705384, 0.0493271, 0.0493271],
      [4.79509e-6, 3.7467e-6, 1.48651e-6],
    ),
    shape: (side) => box([0.06, 0.01, 0.024], [0.03, -side * 0.01, 0], GREY),
  },
  grip: [0.115, 0, 0],
};

/** Fastest turn of every servo [rad/s] and fastest finger [m/s]. */
const SERVO_SPEED = 3.14159;
const FINGER_SPEED = 1;

const numbers = (values) => values.map((x) => Number(x.toPrecision(7))).join(' ');
const AXES = { x: '1 0 0', y: '0 1 0', z: '0 0 1' };

const inertial = ({ kg, centre, inertia }) => {
  const [ixx, iyy, izz, ixy, ixz, iyz] = inertia.map((x) => Number(x.toPrecision(6)));
  return `    <inertial>
      <origin xyz="${numbers(centre)}"/>
      <mass value="${kg}"/>
      <inertia ixx="${ixx}" iyy="${iyy}" izz="${izz}" ixy="${ixy}" ixz="${ixz}" iyz="${iyz}"/>
    </inertial>`;
};

const shape = ({ tag, at, rpy = '0 0 0', colour }) => {
  const geometry = `<origin xyz="${at.join(' ')}" rpy="${rpy}"/>\n      <geometry>${tag}</geometry>`;
  return `    <visual>\n      ${geometry}\n      <material name="${colour}"/>\n    </visual>
    <collision>\n      ${geometry}\n    </collision>`;
};

const link = (name, parts) => `  <link name="${name}">\n${parts.join('\n')}\n  </link>`;

const joint = (name, type, parent, child, at, rest) => `  <joint name="${name}" type="${type}">
    <origin xyz="${at.join(' ')}"/>
    <parent link="${parent}"/>
    <child link="${child}"/>
${rest.map((line) => `    ${line}\n`).join('')}  </joint>`;

const limit = ([lower, upper], effort, velocity) =>
  `<limit lower="${lower}" upper="${upper}" effort="${effort}" velocity="${velocity}"/>`;

function urdf({ name, links, propeller, finger, grip }) {
  const parts = links.flatMap((one, i) => [
    link(one.link, [inertial(one.inertial), ...one.shapes.map(shape)]),
    ...(one.joint
      ? [
          joint(one.joint, 'revolute', links[i - 1].link, one.link, one.at, [
            `<axis xyz="${AXES[one.axis]}"/>`,
            limit(one.range, one.effort, SERVO_SPEED),
          ]),
        ]
      : []),
  ]);
  const [closed, open] = finger.range;
  return `<?xml version="1.0"?>
<!-- Made by urdf/make.js from its tables: change those. -->
<robot name="${name}">
  <material name="black"><color rgba="0.16 0.17 0.19 1"/></material>
  <material name="grey"><color rgba="0.66 0.68 0.72 1"/></material>
${parts.join('\n')}
${link('gripper_prop_link', [inertial(propeller.inertial)])}
${joint('gripper', 'continuous', 'gripper_link', 'gripper_prop_link', propeller.at, ['<axis xyz="1 0 0"/>', `<limit effort="1" velocity="${SERVO_SPEED}"/>`])}
${link('left_finger_link', [inertial(finger.left), shape(finger.shape(1))])}
${joint('left_finger', 'prismatic', 'gripper_link', 'left_finger_link', finger.at, ['<axis xyz="0 1 0"/>', limit([closed, open], 5, FINGER_SPEED)])}
${link('right_finger_link', [inertial(finger.right), shape(finger.shape(-1))])}
${joint('right_finger', 'prismatic', 'gripper_link', 'right_finger_link', finger.at, ['<axis xyz="0 1 0"/>', limit([-open, -closed], 5, FINGER_SPEED), '<mimic joint="left_finger" multiplier="-1" offset="0"/>'])}
  <link name="ee_gripper_link"/>
${joint('ee_gripper', 'fixed', 'gripper_link', 'ee_gripper_link', grip, [])}
</robot>
`;
}

const folder = process.argv[2] ?? import.meta.dirname;
for (const arm of [VX300S, WX250S]) writeFileSync(join(folder, `${arm.name}.urdf`), urdf(arm));
