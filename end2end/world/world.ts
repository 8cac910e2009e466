// The world of the browser tests: one real server over a fresh database, the lab's engines and
// registry, and a person for each role. `begin.ts` makes it; every test finds it here.

import { execFileSync, spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Person = 'viewer' | 'tester' | 'product' | 'lead' | 'lead2' | 'admin';
export const people: Person[] = ['viewer', 'tester', 'product', 'lead', 'lead2', 'admin'];

export interface World {
  /** Where database, log and this file are. */
  folder: string;
  address: string;
  binary: string;
  /** The whole address of the registry's hook. */
  hook: string;
  registry: string;
  passwords: Record<string, string>;
}

export const root = join(__dirname, '..', '..');

export function world(): World {
  const file = process.env.SLIPWAY_WORLD;
  if (!file) throw new Error('there is no world: run through `npx playwright test`');
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Runs `scripts/lab`; the lab is the one of this checkout, or of SLIPWAY_LAB. */
export function lab(args: string[], env: Record<string, string> = {}): string {
  return execFileSync(join(root, 'scripts', 'lab'), args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Pushes a sample app, as a builder would; with `fresh` there is a new commit behind it. */
export function push(app: 'web' | 'worker', tag: string, fresh = true): void {
  lab(['push', app, tag, fresh ? '--new' : '--again']);
}

/** Whether a registry's notification tells of a pushed manifest; layers are told of too. */
export function pushesManifest(body: string): boolean {
  return /"action":\s*"push"/.test(body) && /"application\/vnd\.(docker\.distribution|oci\.image)\.manifest/.test(body);
}

/** Runs the real program with this world's settings. */
export function slipway(of: World, args: string[], input = ''): string {
  return execFileSync(of.binary, args, { encoding: 'utf8', input, cwd: root, env: settings(of) });
}

function settings(of: World): NodeJS.ProcessEnv {
  return {
    ...process.env,
    SLIPWAY_DATABASE_URL: `sqlite://${join(of.folder, 'slipway.db')}`,
    SLIPWAY_LISTEN: of.address.replace('http://', ''),
    SLIPWAY_PUBLIC_URL: of.address,
    SLIPWAY_LOG: 'info',
  };
}

/** Starts the server and waits until it is ready; gives back how long that took, in ms. */
export async function start(of: World): Promise<number> {
  const log = openSync(join(of.folder, 'log'), 'a');
  const began = Date.now();
  const child = spawn(of.binary, ['serve'], { cwd: root, env: settings(of), stdio: ['ignore', log, log], detached: true });
  child.unref();
  writeFileSync(join(of.folder, 'pid'), String(child.pid));
  const end = began + 30_000;
  while (Date.now() < end) {
    if (child.exitCode !== null) break;
    const ready = await fetch(`${of.address}/readyz`).catch(() => null);
    if (ready?.ok) return Date.now() - began;
    await new Promise((go) => setTimeout(go, 20));
  }
  throw new Error(`the server did not start:\n${readFileSync(join(of.folder, 'log'), 'utf8').slice(-2000)}`);
}

/** Ends the server as an accident would. */
export async function kill(of: World): Promise<void> {
  await end(of, 'SIGKILL');
}

export async function end(of: World, signal: NodeJS.Signals): Promise<void> {
  const pid = Number(readFileSync(join(of.folder, 'pid'), 'utf8'));
  if (!alive(pid)) return;
  process.kill(pid, signal);
  const last = Date.now() + 20_000;
  while (alive(pid)) {
    if (Date.now() > last) throw new Error(`the server did not end at ${signal}`);
    await new Promise((go) => setTimeout(go, 10));
  }
}

/** Whether the process runs; one that has ended and was not waited for does not. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
