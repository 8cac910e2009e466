// Makes the world before the first test and takes it down after the last.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, lab, people, push, root, slipway, start, type World } from './world';

export default async function begin(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-e2e-'));
  const address = `http://127.0.0.1:${await freePort()}`;
  const registry = /^LAB_REGISTRY=(.*)$/m.exec(lab(['env']))![1];
  const world: World = { folder, address, binary: program(), hook: '', registry, passwords: {} };
  world.hook = slipway(world, ['hook', 'add', '--name', 'registry', '--source', 'distribution']).trim();
  lab(['up'], { SLIPWAY_LAB_HOOK: world.hook });
  lab(['clear']);
  writeFileSync(join(folder, 'demo.toml'), lab(['config']));
  slipway(world, ['apply', join(folder, 'demo.toml')]);
  for (const person of people) {
    world.passwords[person] = randomBytes(9).toString('hex');
    slipway(world, ['user', 'add', '--name', person, '--role', person === 'lead2' ? 'lead' : person], world.passwords[person]);
  }
  await start(world);
  const file = join(folder, 'world.json');
  writeFileSync(file, JSON.stringify(world));
  process.env.SLIPWAY_WORLD = file;
  for (const app of ['web', 'worker'] as const) push(app, 'latest', false);
  return async () => {
    await end(world, 'SIGTERM');
    if (!process.env.SLIPWAY_KEEP) rmSync(folder, { recursive: true, force: true });
  };
}

function program(): string {
  const told = JSON.parse(
    execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1', '--offline'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }),
  );
  const path = process.env.SLIPWAY_BIN ?? join(told.target_directory, 'debug', 'slipway');
  if (!existsSync(path)) throw new Error(`${path} is not there; cargo build --bin slipway makes it`);
  return path;
}

function freePort(): Promise<number> {
  return new Promise((go, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() => (at && typeof at === 'object' ? go(at.port) : fail(new Error('no port'))));
    });
  });
}
