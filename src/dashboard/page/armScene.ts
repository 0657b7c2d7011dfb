/** The arms in three dimensions, from the URDF: solid where they are, in outline where they are told to be. */
import * as three from 'three';
import { ARM_JOINTS, ARMS } from '../../contract/robot.js';
import { element } from './elements.js';
import { ink } from './plot.js';

/** Where the arms stand [m]; source: gym-aloha bimanual_viperx (base poses). */
const MOUNTS = { left: { x: -0.469, turn: 0 }, right: { x: 0.469, turn: Math.PI } } as const;
const DEPTH = 0.5;
/** Opening of a finger, closed to open [m]; source: gym-aloha constants.py. */
const FINGER = { closed: 0.01844, open: 0.058 } as const;

interface ArmModel {
  readonly root: three.Object3D;
  /** By joint name. */
  readonly joints: ReadonlyMap<
    string,
    {
      readonly node: three.Object3D;
      readonly axis: three.Vector3;
      readonly slides: boolean;
      readonly origin: three.Vector3;
    }
  >;
}

const numbers = (text: string | null | undefined): [number, number, number] => {
  const [x = 0, y = 0, z = 0] = (text ?? '').split(/\s+/).filter(Boolean).map(Number);
  return [x, y, z];
};

export class ArmScene {
  readonly #renderer: three.WebGLRenderer | undefined;
  readonly #scene = new three.Scene();
  readonly #camera = new three.PerspectiveCamera(38, 16 / 9, 0.05, 10);
  readonly #measured: ArmModel[] = [];
  readonly #commanded: ArmModel[] = [];
  #angle = 0;

  constructor() {
    const place = element('scene');
    this.#camera.up.set(0, 0, 1);
    this.#turn(0);
    this.#scene.add(new three.HemisphereLight(0xffffff, 0x555566, 2.2));
    const sun = new three.DirectionalLight(0xffffff, 1.6);
    sun.position.set(1, -1, 2);
    const grid = new three.GridHelper(1.6, 16, 0x888888, 0x888888);
    grid.rotation.x = Math.PI / 2;
    grid.position.set(0, DEPTH, 0);
    const lines = grid.material;
    lines.opacity = 0.25;
    lines.transparent = true;
    this.#scene.add(sun, grid);
    try {
      this.#renderer = new three.WebGLRenderer({ antialias: true, alpha: true });
      place.append(this.#renderer.domElement);
    } catch {
      place.textContent = 'this browser has no WebGL: there is no view of the arms';
      return;
    }
    place.addEventListener('pointermove', ({ buttons, movementX }) => {
      if (buttons === 1) this.#turn(movementX * 0.01);
    });
    void this.#load();
  }

  /** Shapes (14,): rad, grippers normalised. */
  pose(qpos: Float32Array, goal: Float32Array): void {
    this.#apply(this.#measured, qpos);
    this.#apply(this.#commanded, goal);
  }

  draw(): void {
    const place = element('scene');
    const { clientWidth: width, clientHeight: height } = place;
    if (!this.#renderer || width === 0) return;
    const size = this.#renderer.getSize(new three.Vector2());
    if (size.x !== width || size.y !== height) {
      this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
      this.#renderer.setSize(width, height);
      this.#camera.aspect = width / height;
      this.#camera.updateProjectionMatrix();
    }
    this.#renderer.render(this.#scene, this.#camera);
  }

  #turn(by: number): void {
    this.#angle += by;
    this.#camera.position.set(1.25 * Math.sin(this.#angle), DEPTH - 1.25 * Math.cos(this.#angle), 0.85);
    this.#camera.lookAt(0, DEPTH, 0.2);
  }

  async #load(): Promise<void> {
    const text = await (await fetch('/vx300s.urdf')).text();
    const urdf = new DOMParser().parseFromString(text, 'text/xml');
    for (const arm of ARMS) {
      const { x, turn } = MOUNTS[arm];
      const tint = new three.Color(ink(arm === 'left' ? '--left' : '--right'));
      const solid = new three.MeshStandardMaterial({ color: tint, roughness: 0.6 });
      // Drawn over what is solid: it shows also where both agree.
      const outline = new three.LineBasicMaterial({
        color: ink('--ink'),
        transparent: true,
        opacity: 0.35,
        depthTest: false,
      });
      for (const [models, material] of [
        [this.#measured, solid],
        [this.#commanded, outline],
      ] as const) {
        const model = build(urdf, material);
        model.root.position.set(x, DEPTH, 0);
        model.root.rotation.z = turn;
        this.#scene.add(model.root);
        models.push(model);
      }
    }
  }

  #apply(models: readonly ArmModel[], pose: Float32Array): void {
    models.forEach(({ joints }, arm) => {
      ARM_JOINTS.forEach((name, index) => {
        const value = pose[arm * ARM_JOINTS.length + index]!;
        if (name !== 'gripper') {
          const joint = joints.get(name);
          joint?.node.quaternion.setFromAxisAngle(joint.axis, value);
          return;
        }
        const opening = FINGER.closed + value * (FINGER.open - FINGER.closed);
        for (const [finger, side] of [
          ['left_finger', 1],
          ['right_finger', -1],
        ] as const) {
          const joint = joints.get(finger);
          joint?.node.position
            .copy(joint.origin)
            .addScaledVector(joint.axis, joint.slides ? side * opening : 0);
        }
      });
    });
  }
}

/** A tree of links as the URDF says; its shapes are boxes, cylinders and spheres. */
function build(urdf: Document, material: three.Material): ArmModel {
  const links = new Map<string, three.Object3D>();
  for (const link of urdf.querySelectorAll('robot > link')) {
    const node = new three.Object3D();
    for (const visual of link.querySelectorAll(':scope > visual')) node.add(shape(visual, material));
    links.set(link.getAttribute('name') ?? '', node);
  }
  const joints: [
    string,
    { node: three.Object3D; axis: three.Vector3; slides: boolean; origin: three.Vector3 },
  ][] = [];
  const children = new Set<three.Object3D>();
  for (const joint of urdf.querySelectorAll('robot > joint')) {
    const end = (tag: string): three.Object3D | undefined =>
      links.get(joint.querySelector(tag)?.getAttribute('link') ?? '');
    const [parent, child] = [end('parent'), end('child')];
    if (!parent || !child) continue;
    const origin = joint.querySelector('origin');
    // The frame of the joint stays; what moves is inside it.
    const frame = new three.Object3D();
    frame.position.set(...numbers(origin?.getAttribute('xyz')));
    frame.rotation.set(...numbers(origin?.getAttribute('rpy')), 'ZYX');
    frame.add(child);
    parent.add(frame);
    children.add(child);
    joints.push([
      joint.getAttribute('name') ?? '',
      {
        node: child,
        axis: new three.Vector3(...numbers(joint.querySelector('axis')?.getAttribute('xyz') ?? '1 0 0')),
        slides: joint.getAttribute('type') === 'prismatic',
        origin: new three.Vector3(),
      },
    ]);
  }
  const root = new three.Object3D();
  for (const node of links.values()) if (!children.has(node)) root.add(node);
  return { root, joints: new Map(joints) };
}

function shape(visual: Element, material: three.Material): three.Object3D {
  const origin = visual.querySelector('origin');
  const number = (from: Element, name: string): number => Number(from.getAttribute(name));
  const [box, cylinder, sphere] = ['box', 'cylinder', 'sphere'].map((name) =>
    visual.querySelector(`geometry > ${name}`),
  );
  let geometry: three.BufferGeometry = new three.BufferGeometry();
  if (box) geometry = new three.BoxGeometry(...numbers(box.getAttribute('size')));
  else if (cylinder) {
    geometry = new three.CylinderGeometry(
      number(cylinder, 'radius'),
      number(cylinder, 'radius'),
      number(cylinder, 'length'),
      20,
    );
    geometry.rotateX(Math.PI / 2); // URDF's lie along z.
  } else if (sphere) geometry = new three.SphereGeometry(number(sphere, 'radius'), 16, 12);
  const mesh =
    material instanceof three.LineBasicMaterial
      ? new three.LineSegments(new three.EdgesGeometry(geometry, 30), material)
      : new three.Mesh(geometry, material);
  mesh.position.set(...numbers(origin?.getAttribute('xyz')));
  mesh.rotation.set(...numbers(origin?.getAttribute('rpy')), 'ZYX');
  return mesh;
}
