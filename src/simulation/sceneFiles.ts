/** Brings a scene file and everything it refers to into MuJoCo's in-memory file system. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SceneError } from '../contract/errors.js';
import type { MainModule } from '@mujoco/mujoco';
import type { TaskName } from '../contract/task.js';

/** Our own scene of a task; the package ships `urdf/`. */
export const ownScene = (task: TaskName): string =>
  fileURLToPath(new URL(`../../urdf/mjcf/${task}.xml`, import.meta.url));

export interface MountedScene {
  /** Where MuJoCo finds the scene. */
  readonly path: string;
  /** Of the contents of all its files, in the order in which they refer to each other; hex. */
  readonly sha256: string;
}

/**
 * Copies `scene` and, recursively, its includes, attached models, meshes and textures to the same absolute paths of
 * the in-memory file system, from where MuJoCo loads it by its path.
 * Throws SceneError naming the file that is missing and who asked for it.
 */
export function mountScene(mujoco: MainModule, scene: string): MountedScene {
  const root = resolve(scene);
  const hash = createHash('sha256');
  mountModel(root, undefined);
  return { path: root, sha256: hash.digest('hex') };

  /** A model is one file and its includes, which share compiler settings; the models it attaches have their own. */
  function mountModel(path: string, asker: string | undefined): void {
    const xml = mountIncludes(path, asker, dirname(path));
    const folders = assetFolders(xml);
    for (const { tag, attributes } of elements(xml)) {
      if (tag === 'include') continue;
      for (const [, file] of attributes.matchAll(/\bfile\w*\s*=\s*["']([^"']+)["']/g)) {
        if (tag === 'model') mountModel(resolve(dirname(path), file!), path);
        else copy(resolve(dirname(path), folders.get(tag) ?? '', file!), path);
      }
    }
  }

  /** Copies a file and its includes, and returns the text of all of them. */
  function mountIncludes(path: string, asker: string | undefined, home: string): string {
    const xml = withoutComments(copy(path, asker).toString('utf8'));
    const included = elements(xml).flatMap(({ tag, attributes }) => {
      const file = tag === 'include' ? attribute(attributes, 'file') : undefined;
      return file === undefined ? [] : [mountIncludes(locateInclude(file, home, path), path, home)];
    });
    return [xml, ...included].join('\n');
  }

  function copy(path: string, asker: string | undefined): Buffer {
    if (!existsSync(path)) {
      const who = asker === undefined ? '' : `, which ${asker} refers to`;
      throw new SceneError(`No such scene file: ${path}${who}. Put the file there, or give another --scene.`);
    }
    const bytes = readFileSync(path);
    mujoco.FS.mkdirTree(dirname(path), 0o777);
    mujoco.FS.writeFile(path, bytes);
    hash.update(bytes);
    return bytes;
  }
}

/** An include is looked up from the model's folder, then from that of the including file. */
function locateInclude(file: string, home: string, asker: string): string {
  if (isAbsolute(file)) return file;
  const beside = join(dirname(asker), file);
  return !existsSync(join(home, file)) && existsSync(beside) ? beside : join(home, file);
}

/** Folder in which the files of each kind of element lie, as MJCF's `<compiler>` says. */
function assetFolders(xml: string): ReadonlyMap<string, string> {
  const folders = new Map<string, string>();
  for (const { tag, attributes } of elements(xml)) {
    if (tag !== 'compiler') continue;
    const assets = attribute(attributes, 'assetdir');
    const meshes = attribute(attributes, 'meshdir') ?? assets;
    const textures = attribute(attributes, 'texturedir') ?? assets;
    if (textures !== undefined) folders.set('texture', textures);
    if (meshes !== undefined)
      for (const tagOfMesh of ['mesh', 'skin', 'hfield']) folders.set(tagOfMesh, meshes);
  }
  return folders;
}

const withoutComments = (xml: string): string => xml.replaceAll(/<!--[\s\S]*?-->/g, '');

const elements = (xml: string): { tag: string; attributes: string }[] =>
  Array.from(xml.matchAll(/<(\w+)\b([^>]*)>/g), ([, tag, attributes]) => ({
    tag: tag!,
    attributes: attributes!,
  }));

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1];
