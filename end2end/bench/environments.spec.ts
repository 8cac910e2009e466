// The figures of test environments: launches, what an open page hears, and logs.

import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { get, request as send, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk, live } from '../world/desk';
import { lab, push, slipway, world } from '../world/world';
import { engine, ms, pause, quantile, rest, runs, say } from './measure';

test.describe.configure({ mode: 'default' });

const labEnv = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(lab(['env']))![1].replaceAll('\\', '');
const socket = (): string => labEnv('LAB_TEST_SOCK');
const now = (): number => performance.timeOrigin + performance.now();
const times = (value: number): string => value.toFixed(2);

const stacks = `
[[stacks]]
name = "bench-four"
compose = '''
services:
  web: { image: "\${BUILD_WEB}", ports: ["80"], read_only: true, tmpfs: [/tmp] }
  second: { image: "\${BUILD_WEB}", read_only: true, tmpfs: [/tmp] }
  worker: { image: "REGISTRY/demo/worker:latest", read_only: true }
  mailer: { image: "REGISTRY/demo/worker:latest", read_only: true }
'''

[[stacks]]
name = "bench-obeys"
compose = "services: { web: { image: '\${BUILD_WEB}', command: [sh, -c, 'trap \\"exit 0\\" TERM; while :; do sleep 1 & wait; done'] } }"

[[stacks]]
name = "bench-flood"
compose = "services: { web: { image: '\${BUILD_WEB}', command: [sh, -c, 'yes ${'x'.repeat(99)}Z'] } }"

[[stacks]]
name = "bench-steady"
compose = "services: { web: { image: '\${BUILD_WEB}', command: [sh, -c, 'while :; do i=0; while [ $$i -lt 100 ]; do echo ${'x'.repeat(99)}Z; i=$$((i+1)); done; sleep 0.05; done'] } }"
`;

interface Build {
  id: string;
  digest: string;
}
interface Seen {
  row: { state: string; number: number };
}

let build: Build;
let images: string[];

test.beforeAll(async () => {
  const registry = world().registry;
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  writeFileSync(join(folder, 'stacks.toml'), stacks.replaceAll('REGISTRY', registry));
  slipway(world(), ['apply', join(folder, 'stacks.toml')]);
  push('web', 'latest', false);
  push('worker', 'latest', false);
  await expect(async () => {
    const listed = await rest<{ items: Build[] }>('viewer', 'GET', '/builds?app=web&limit=1');
    build = listed.items[0];
    expect(build).toBeTruthy();
  }).toPass();
  const web = `${registry}/demo/web@${build.digest}`;
  images = [web, web, `${registry}/demo/worker:latest`, `${registry}/demo/worker:latest`];
});

const launched = async (stack: string): Promise<string> => (await rest<{ id: string }>('tester', 'POST', '/environments', { build: build.id, stack })).id;

async function until(id: string, state: string): Promise<Seen> {
  for (;;) {
    const seen = await rest<Seen>('tester', 'GET', `/environments/${id}`);
    if (seen.row.state === state) return seen;
    if (seen.row.state === 'failed') throw new Error(`the environment failed: ${JSON.stringify(seen)}`);
    await pause(10);
  }
}

async function stopped(ids: string[]): Promise<void> {
  for (const id of ids) await rest('tester', 'POST', `/environments/${id}/stop`);
  for (const id of ids) await until(id, 'stopped');
}

const container = async (number: number): Promise<string> => {
  const filter = encodeURIComponent(JSON.stringify({ name: [`-e${number}-web$`] }));
  return (await engine<{ Id: string }[]>(socket(), 'GET', `/containers/json?all=1&filters=${filter}`))[0].Id;
};

/** The least that a program can do to have four containers run: one network, and the rest at once. */
async function bare(name: string): Promise<void> {
  const network = engine(socket(), 'POST', '/networks/create', { Name: name, Driver: 'bridge', Labels: { bench: name } });
  const made = images.map(async (Image, place) => {
    const HostConfig = { NetworkMode: name, ReadonlyRootfs: true, Tmpfs: { '/tmp': '' }, PortBindings: place === 0 ? { '80/tcp': [{}] } : {} };
    const body = { Image, Labels: { bench: name }, HostConfig, ExposedPorts: place === 0 ? { '80/tcp': {} } : {} };
    const { Id } = await engine<{ Id: string }>(socket(), 'POST', `/containers/create?name=${name}-${place}`, body);
    await network;
    await engine(socket(), 'POST', `/containers/${Id}/start`);
  });
  await Promise.all(made);
}

async function bareGone(): Promise<void> {
  const filter = encodeURIComponent(JSON.stringify({ label: ['bench'] }));
  const there = await engine<{ Id: string }[]>(socket(), 'GET', `/containers/json?all=1&filters=${filter}`);
  await Promise.all(there.map(({ Id }) => engine(socket(), 'DELETE', `/containers/${Id}?force=1`)));
  const networks = await engine<{ Id: string }[]>(socket(), 'GET', `/networks?filters=${filter}`);
  await Promise.all(networks.map(({ Id }) => engine(socket(), 'DELETE', `/networks/${Id}`)));
}

/** Stacks one after another in so many rows beside each other. */
async function rows(all: number, beside: number, one: (place: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: beside }, async () => {
      while (next < all) await one(next++);
    }),
  );
}

function figure(what: string, method: string, ours: number[], theirs: number[], bar: number): void {
  const line = (word: string, share: number) => {
    const [a, b] = [quantile(ours, share), quantile(theirs, share)];
    return `${word} ${ms(a)} against ${ms(b)}, ${times(a / b)} times (the bar is ${times(bar)})`;
  };
  say(what, [line('median ', 0.5), line('p95    ', 0.95)], `${method} ${ours.length} runs of each, in turn.`);
}

test('launch of four containers against a bare script', async () => {
  const [ours, theirs]: number[][] = [[], []];
  for (let run = -1; run < runs; run++) {
    let began = now();
    const id = await launched('bench-four');
    await until(id, 'running');
    if (run >= 0) ours.push(now() - began);
    await stopped([id]);
    began = now();
    await bare(`bench-${run + 1}`);
    if (run >= 0) theirs.push(now() - began);
    await bareGone();
  }
  figure(
    'Launch of four containers against a bare script',
    'From the REST call to the state "running" (polled every 10 ms), images there already. Yardstick: one network and four containers made at once through the engine\'s API, without limits, labels or checks.',
    ours,
    theirs,
    1.1,
  );
});

test('ten stacks at once', async () => {
  const few = Math.max(3, Math.floor(runs / 5));
  const ours: number[] = [];
  const theirs = new Map<number, number[]>([2, 5, 10].map((beside) => [beside, []]));
  for (let run = 0; run < few; run++) {
    let began = now();
    const ids = await Promise.all(Array.from({ length: 10 }, () => launched('bench-four')));
    await Promise.all(ids.map((id) => until(id, 'running')));
    ours.push(now() - began);
    await stopped(ids);
    for (const [beside, found] of theirs) {
      began = now();
      await rows(10, beside, (place) => bare(`bench-${run}-${beside}-${place}`));
      found.push(now() - began);
      await bareGone();
    }
  }
  const best = [...theirs].sort(([, a], [, b]) => quantile(a, 0.5) - quantile(b, 0.5))[0];
  figure(
    'Ten stacks of four at once',
    `From the first REST call to the last state "running". Yardstick: the bare script with 2, 5 and 10 stacks beside each other, of which ${best[0]} was the quickest.`,
    ours,
    best[1],
    1.1,
  );
});

/** When the engine said that something happened to a container, on the machine's clock. */
function happenings(id: string): { next: (action: string) => Promise<number>; close: () => void } {
  const waiting = new Map<string, (at: number) => void>();
  const filter = encodeURIComponent(JSON.stringify({ container: [id] }));
  const call = send({ socketPath: socket(), path: `/events?filters=${filter}` }, (answer) => {
    let rest = '';
    answer.on('data', (part) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop()!;
      for (const line of lines.filter(Boolean)) {
        const event = JSON.parse(line) as { Action: string; timeNano: number };
        waiting.get(event.Action)?.(event.timeNano / 1e6);
        waiting.delete(event.Action);
      }
    });
  });
  call.end();
  return { next: (action) => new Promise((go) => waiting.set(action, go)), close: () => call.destroy() };
}

test('an engine event in an open tab', async ({ browser }) => {
  const id = await launched('bench-obeys');
  const { row } = await until(id, 'running');
  const one = await container(row.number);
  const desk = new Desk(browser, { scripts: true });
  const page = await desk.of('viewer');
  await page.goto(`/environments/${id}`);
  await live(page);
  const shown = (word: string) =>
    page.evaluate((wanted) => {
      const there = () => [...document.querySelectorAll('td.c-state')].some((cell) => cell.textContent?.includes(wanted));
      const now = () => performance.timeOrigin + performance.now();
      return new Promise<number>((go) => {
        if (there()) return go(now());
        const watch = new MutationObserver(() => {
          if (!there()) return;
          watch.disconnect();
          go(now());
        });
        watch.observe(document.body, { childList: true, subtree: true, characterData: true });
      });
    }, word);
  const events = happenings(one);
  await pause(300);
  const took: number[] = [];
  for (let run = 0; run < runs; run++) {
    for (const [action, word, path] of [
      ['die', '(0)', 'kill?signal=TERM'],
      ['start', 'running', 'start'],
    ]) {
      const [at, there] = [events.next(action), shown(word)];
      await pause(500);
      await engine(socket(), 'POST', `/containers/${one}/${path}`);
      took.push((await there) - (await at));
    }
  }
  events.close();
  await desk.close();
  await stopped([id]);
  say(
    'An engine event in an open tab',
    [`median  ${ms(quantile(took, 0.5))}`, `p95     ${ms(quantile(took, 0.95))} (the bar is 30 ms)`],
    `From the engine's own time of a container's end or start to the word in the DOM of the environment's page in Chromium. ${took.length} events, half a second apart.`,
  );
});

/** Follows a log as a page does and counts its lines; each holds one Z. */
function follow(id: string, token: string): Promise<{ lines: () => number; close: () => void }> {
  return new Promise((go, fail) => {
    let lines = 0;
    const address = `${world().address}/environments/${id}/logs/web?tail=0`;
    const call = get(address, { agent: false, headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' } }, (answer: IncomingMessage) => {
      if (answer.statusCode !== 200) return fail(new Error(`a log answered ${answer.statusCode}`));
      answer.on('data', (part: Buffer) => (lines += count(part)));
      answer.on('error', () => {});
      go({ lines: () => lines, close: () => call.destroy() });
    });
    call.on('error', () => {});
  });
}

function count(part: Buffer): number {
  let found = 0;
  for (let at = part.indexOf(0x5a); at >= 0; at = part.indexOf(0x5a, at + 1)) found += 1;
  return found;
}

const readers: string[] = [];

/** Tokens of so many people: each has a bound of their own on open streams. */
function tokens(wanted: number): string[] {
  while (readers.length < wanted) {
    const name = `bench-${process.pid}-${readers.length}`;
    slipway(world(), ['user', 'add', '--name', name, '--role', 'viewer'], 'seven grey herons');
    readers.push(slipway(world(), ['token', 'add', '--user', name, '--name', name, '--role', 'viewer']).trim());
  }
  return readers.slice(0, wanted);
}

test('log throughput', async () => {
  test.setTimeout(300_000);
  const id = await launched('bench-flood');
  const { row } = await until(id, 'running');
  const one = await container(row.number);
  const [token] = tokens(1);
  const seconds = 4;
  const [ours, theirs]: number[][] = [[], []];
  for (let run = 0; run < 5; run++) {
    const log = await follow(id, token);
    await pause(1000);
    const before = log.lines();
    await pause(seconds * 1000);
    ours.push(((log.lines() - before) * 101) / seconds / 1e6);
    log.close();
    await pause(500);
    const docker = spawn('docker', ['logs', '-f', '--tail', '0', one], { env: { ...process.env, DOCKER_HOST: `unix://${socket()}` }, stdio: ['ignore', 'pipe', 'ignore'] });
    let bytes = 0;
    docker.stdout.on('data', (part: Buffer) => (bytes += part.length));
    await pause(1000);
    const from = bytes;
    await pause(seconds * 1000);
    theirs.push((bytes - from) / seconds / 1e6);
    docker.kill();
    await pause(500);
  }
  await stopped([id]);
  const [a, b] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
  say(
    'Log throughput',
    [`median  ${a.toFixed(1)} MB/s against ${b.toFixed(1)} MB/s, ${times(a / b)} times (the bar is 0.95)`],
    `What a container that writes without end (lines of 100 letters) brings to one reader of the page's stream in ${seconds} s. Yardstick: docker logs -f, its output counted. 5 runs of each, in turn.`,
  );
});

/** Ticks of processor time that the test engine's dockerd has used. */
function engineTicks(): number {
  const first = readFileSync(join(labEnv('LAB_DIR'), 'test', 'pid'), 'utf8').trim();
  const below = (pid: string): string[] => [pid, ...children(pid).flatMap(below)];
  const dockerd = below(first).find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'dockerd');
  if (!dockerd) throw new Error('the engine was not found');
  const fields = readFileSync(`/proc/${dockerd}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function children(pid: string): string[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean));
}

test('what twenty readers of one log cost the engine', async () => {
  test.setTimeout(300_000);
  const id = await launched('bench-steady');
  await until(id, 'running');
  const [token] = tokens(1);
  const seconds = 6;
  const cost = async (readersNow: number): Promise<number> => {
    const logs = await Promise.all(Array.from({ length: readersNow }, () => follow(id, token)));
    await pause(1000);
    const before = engineTicks();
    await pause(seconds * 1000);
    const used = engineTicks() - before;
    if (logs.some((log) => log.lines() === 0)) throw new Error('a reader got nothing');
    logs.forEach((log) => log.close());
    await pause(500);
    return used;
  };
  const [one, twenty]: number[][] = [[], []];
  for (let run = 0; run < 4; run++) {
    one.push(await cost(1));
    twenty.push(await cost(20));
  }
  await stopped([id]);
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const share = (ticks: number) => `${(ticks / 4 / seconds).toFixed(1)} % of a core`;
  say(
    'What twenty readers of one log cost the engine',
    [`dockerd ${share(sum(twenty))} against ${share(sum(one))} with one reader, ${times(sum(twenty) / sum(one))} times (the bar is 1.10)`],
    `Processor time of dockerd while a container writes about 2,000 lines a second. 4 times ${seconds} s of each, in turn.`,
  );
});

test('memory with 200 tabs and 20 logs', async () => {
  test.setTimeout(300_000);
  const id = await launched('bench-steady');
  await until(id, 'running');
  const people = tokens(10);
  const open: IncomingMessage[] = [];
  for (let tab = 0; tab < 200; tab++) {
    const headers = { authorization: `Bearer ${people[tab % people.length]}`, accept: 'text/event-stream' };
    open.push(
      await new Promise<IncomingMessage>((go, fail) => {
        get(`${world().address}/events`, { agent: false, headers }, (answer) => (answer.statusCode === 200 ? go(answer.resume()) : fail(new Error(`a tab got ${answer.statusCode}`)))).on('error', fail);
      }),
    );
  }
  const logs = await Promise.all(Array.from({ length: 20 }, (_, place) => follow(id, people[place % people.length])));
  await pause(10_000);
  const pid = readFileSync(join(world().folder, 'pid'), 'utf8');
  const memory = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
  logs.forEach((log) => log.close());
  open.forEach((answer) => answer.destroy());
  await stopped([id]);
  say(
    'Memory with 200 tabs and 20 logs',
    [`${memory.toFixed(1)} MiB (the bar is 120 MiB)`],
    'Resident set of the release build, ten seconds after 200 event streams and 20 readers of a log of 2,000 lines a second were opened, at the end of the figures above.',
  );
});
