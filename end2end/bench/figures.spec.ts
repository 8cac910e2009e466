// The figures, each against a yardstick in the same run.

import { test, type Page } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as send, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk, live } from '../world/desk';
import { kill, lab, push, pushesManifest, root, slipway, start, world } from '../world/world';
import { compare, engine, ms, pause, quantile, rest, runs, say } from './measure';

test.describe.configure({ mode: 'default' });

interface Row {
  id: string;
  digest: string;
  app: string;
  tags: { name: string }[];
}

const labEnv = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(lab(['env']))![1].replaceAll('\\', '');
const newest = async (): Promise<Row> => (await rest<{ items: Row[] }>('viewer', 'GET', '/builds?app=web&limit=1')).items[0];

/** Waits in the page until an element with this text is there; gives back the time on the machine's clock. */
function seen(page: Page, text: string): Promise<number> {
  return page.evaluate((wanted) => {
    const there = () => [...document.querySelectorAll('main a, main li')].some((element) => element.textContent?.trim() === wanted);
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
  }, text);
}

const now = (): number => performance.timeOrigin + performance.now();

test('push to visible in an open tab', async ({ browser }) => {
  const desk = new Desk(browser, { scripts: true });
  // Between registry and server, to know when the push was told.
  let told: ((at: number) => void) | null = null;
  const between = createServer((incoming, outgoing) => {
    const at = now();
    const parts: Buffer[] = [];
    incoming.on('data', (part) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts);
      if (pushesManifest(body.toString())) told?.(at);
      const headers = { 'content-type': incoming.headers['content-type']!, 'content-length': body.length };
      const outward = send(new URL(incoming.url!, world().address), { method: 'POST', headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!);
        answer.pipe(outgoing);
      });
      outward.end(body);
    });
  });
  await new Promise<void>((go) => between.listen(0, '127.0.0.1', go));
  lab(['up'], { SLIPWAY_LAB_HOOK: `http://127.0.0.1:${(between.address() as AddressInfo).port}${new URL(world().hook).pathname}` });

  // The floor: a server that does nothing but pass a word on.
  const streams = new Set<ServerResponse>();
  const floor = createServer((incoming, outgoing) => {
    if (incoming.url === '/events') {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      outgoing.write(': open\n\n');
      return void streams.add(outgoing);
    }
    if (incoming.method === 'POST') {
      let word = '';
      incoming.on('data', (part) => (word += part));
      incoming.on('end', () => {
        for (const stream of streams) stream.write(`data: ${word}\n\n`);
        outgoing.end();
      });
      return;
    }
    outgoing.writeHead(200, { 'content-type': 'text/html' });
    outgoing.end(`<main><ul></ul></main><script>new EventSource('/events').onmessage = (e) => {
      const li = document.createElement('li'); li.textContent = e.data; document.querySelector('ul').prepend(li) }</script>`);
  });
  await new Promise<void>((go) => floor.listen(0, '127.0.0.1', go));
  const floorAddress = `http://127.0.0.1:${(floor.address() as AddressInfo).port}`;

  const page = await desk.of('viewer');
  await page.goto('/builds');
  await live(page);
  const bare = await (await desk.context()).newPage();
  await bare.goto(floorAddress);
  const [ours, theirs]: number[][] = [[], []];
  for (let run = 0; run < runs; run++) {
    await page.bringToFront();
    const tag = `release-v5.12.20.${String(run + 1).padStart(2, '0')}`;
    const at = new Promise<number>((go) => (told = go));
    const visible = seen(page, tag);
    push('web', tag);
    ours.push((await visible) - (await at));
    told = null;
    await bare.bringToFront();
    const word = `word-${run}`;
    const there = seen(bare, word);
    await pause(50);
    const sent = now();
    await fetch(floorAddress, { method: 'POST', body: word });
    theirs.push((await there) - sent);
  }
  compare(
    'Push to visible in an open tab',
    'From the first byte of the registry\'s notification to the row in the DOM of the Builds page in Chromium.',
    ours,
    theirs,
    'a bare server that passes a POST on as a server-sent event to a page that prepends a line',
  );
  lab(['up'], { SLIPWAY_LAB_HOOK: world().hook });
  between.closeAllConnections();
  between.close();
  floor.closeAllConnections();
  floor.close();
  await desk.close();
});

const four = `services:
  web:
    image: \${BUILD_WEB}
    ports: ["80"]
    read_only: true
    tmpfs: [/tmp]
  second:
    image: \${BUILD_WEB}
    read_only: true
    tmpfs: [/tmp]
  worker:
    image: REGISTRY/demo/worker:latest
    read_only: true
  mailer:
    image: REGISTRY/demo/worker:latest
    read_only: true
`;

test('launch of four containers', async () => {
  const registry = world().registry;
  const compose = four.replaceAll('REGISTRY', registry);
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  writeFileSync(join(folder, 'four.toml'), `[[stacks]]\nname = "four"\ncompose = '''\n${compose}'''\n`);
  slipway(world(), ['apply', join(folder, 'four.toml')]);
  writeFileSync(join(folder, 'docker-compose.yml'), compose);
  if (!(await newest())) push('web', 'latest', false);
  await pause(1500);
  const build = await newest();
  const socket = labEnv('LAB_TEST_SOCK');
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, BUILD_WEB: `${registry}/demo/web@${build.digest}`, COMPOSE_PROJECT_NAME: 'bench' };
  const yardstick = (args: string[]) => execFileSync(process.env.SLIPWAY_COMPOSE!, args, { cwd: folder, env, stdio: 'ignore' });
  const ours: number[] = [];
  const theirs: number[] = [];
  // The first of each pulls the images and does not count.
  for (let run = -1; run < runs; run++) {
    let began = now();
    const { id } = await rest<{ id: string }>('tester', 'POST', '/environments', { build: build.id, stack: 'four' });
    let state = '';
    while (state !== 'running') {
      const view = await rest<{ row: { state: string } }>('tester', 'GET', `/environments/${id}`);
      state = view.row.state;
      if (state === 'failed') throw new Error(`the environment failed: ${JSON.stringify(view)}`);
      if (state !== 'running') await pause(10);
    }
    if (run >= 0) ours.push(now() - began);
    await rest('tester', 'POST', `/environments/${id}/stop`);
    while ((await rest<{ row: { state: string } }>('tester', 'GET', `/environments/${id}`)).row.state !== 'stopped') await pause(50);
    began = now();
    yardstick(['up', '-d']);
    if (run >= 0) theirs.push(now() - began);
    yardstick(['down', '-t', '1']);
  }
  compare(
    'Launch of a stack of four containers',
    'From the REST call to the state "running" (polled every 10 ms), images there already.',
    ours,
    theirs,
    `docker-compose ${execFileSync(process.env.SLIPWAY_COMPOSE!, ['version', '--short'], { encoding: 'utf8' }).trim()} up -d of the same stack on the same engine`,
  );
});

interface Service {
  ID: string;
  Version: { Index: number };
  Spec: { Name: string; TaskTemplate: { ContainerSpec: { Image: string; Env?: string[] }; ForceUpdate?: number }; EndpointSpec?: { Ports?: { PublishedPort: number }[] }; Labels?: Record<string, string> };
  UpdateStatus?: { State: string };
}
interface Task {
  Spec: { ContainerSpec: { Image: string } };
  Status: { State: string };
  DesiredState: string;
}

test('promotion of an update', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const toml = slipway(world(), ['export']).replaceAll('soak_seconds = 3', 'soak_seconds = 0');
  writeFileSync(join(folder, 'quick.toml'), toml);
  slipway(world(), ['apply', join(folder, 'quick.toml')]);
  // Each release is newer than the one before: an older one would not be let through.
  const ready = async (order: number): Promise<Row> => {
    const tag = `release-v5.12.21.${String(order).padStart(2, '0')}`;
    push('web', tag);
    let row = await newest();
    while (!row?.tags.some((found) => found.name === tag)) {
      await pause(50);
      row = await newest();
    }
    await rest('tester', 'POST', `/builds/${row.id}/verdicts`, { kind: 'pass', note: '' });
    await rest('product', 'POST', `/builds/${row.id}/sign-offs`, { note: '' });
    return row;
  };
  const socket = labEnv('LAB_HANGZHOU_SOCK');
  const promote = async (build: Row): Promise<{ accepted: number; verified: number }> => {
    const { id } = await rest<{ id: string }>('lead', 'POST', '/promotions', { build: build.id, regions: ['hangzhou'], reason: 'bench' });
    await rest('lead2', 'POST', `/promotions/${id}/approve`);
    const began = now();
    await rest('lead', 'POST', `/promotions/${id}/start`, { app: 'web' });
    const accepted = now() - began;
    let state = '';
    while (state !== 'verified') {
      const view = await rest<{ row: { state: string } }>('lead', 'GET', `/promotions/${id}`);
      state = view.row.state;
      if (state === 'failed') throw new Error(`the promotion failed: ${JSON.stringify(view)}`);
      if (state !== 'verified') await pause(10);
    }
    return { accepted, verified: now() - began };
  };
  const first = await ready(1);
  await promote(first);
  // A twin of the service that Slipway made, without its labels and on another port.
  const made = (await engine<Service[]>(socket, 'GET', '/services'))[0];
  const twin = structuredClone(made.Spec);
  twin.Name = 'bench-direct';
  twin.Labels = {};
  for (const port of twin.EndpointSpec?.Ports ?? []) port.PublishedPort += 1;
  const image = (build: Row) => `${world().registry}/demo/web@${build.digest}`;
  twin.TaskTemplate.ContainerSpec.Image = image(first);
  const { ID } = await engine<{ ID: string }>(socket, 'POST', '/services/create', twin);
  const settled = async (wanted: string): Promise<void> => {
    for (;;) {
      const filter = encodeURIComponent(JSON.stringify({ service: [ID], 'desired-state': ['running'] }));
      const tasks = await engine<Task[]>(socket, 'GET', `/tasks?filters=${filter}`);
      const up = tasks.length === 1 && tasks[0].Status.State === 'running' && tasks[0].Spec.ContainerSpec.Image === wanted;
      const service = await engine<Service>(socket, 'GET', `/services/${ID}`);
      if (up && (service.UpdateStatus?.State ?? 'completed') === 'completed') return;
      await pause(10);
    }
  };
  await settled(image(first));
  const direct = async (build: Row): Promise<number> => {
    const service = await engine<Service>(socket, 'GET', `/services/${ID}`);
    service.Spec.TaskTemplate.ContainerSpec.Image = image(build);
    const began = now();
    await engine(socket, 'POST', `/services/${ID}/update?version=${service.Version.Index}`, service.Spec);
    await settled(image(build));
    return now() - began;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  const accepted: number[] = [];
  for (let run = 0; run < Math.max(5, Math.floor(runs / 2)); run++) {
    const build = await ready(run + 2);
    const promotion = await promote(build);
    ours.push(promotion.verified);
    accepted.push(promotion.accepted);
    theirs.push(await direct(build));
  }
  await engine(socket, 'DELETE', `/services/${ID}`);
  compare(
    'Promotion of an update to one region',
    'From the REST call that starts it to the state "verified" (polled every 10 ms), soak time 0, everything else as the demo has it.',
    ours,
    theirs,
    'the same specification updated directly through the engine\'s API until its task runs and the update has completed, polled every 10 ms',
  );
  say('A start is accepted', [`median  ${ms(quantile(accepted, 0.5))}`, `p95     ${ms(quantile(accepted, 0.95))}`], 'The answer of the REST call that starts a promotion.');
});

test('a promotion before its start, among many', async ({ browser }) => {
  const regions = ['hangzhou', 'us-west', 'hong-kong'];
  const build = await newest();
  const { id } = await rest<{ id: string }>('lead', 'POST', '/promotions', { build: build.id, regions, reason: 'bench' });
  const desk = new Desk(browser, { scripts: false });
  const cookie = (await (await desk.of('lead')).context().cookies()).map((one) => `${one.name}=${one.value}`).join('; ');
  const read = async (): Promise<number[]> => {
    const took: number[] = [];
    for (let run = 0; run < 5 * runs; run++) {
      const began = now();
      const answer = await fetch(`${world().address}/promotions/${id}`, { headers: { cookie }, redirect: 'manual' });
      const page = await answer.text();
      if (answer.status !== 200 || !page.includes('data-live="gates"')) throw new Error(`the page answered ${answer.status}`);
      took.push(now() - began);
    }
    return took;
  };
  await read();
  const few = await read();
  execFileSync(process.env.SLIPWAY_FILL!, [join(world().folder, 'slipway.db'), '10000', '1000'], { stdio: 'pipe' });
  const many = await read();
  await desk.close();
  compare(
    'The page of a promotion before its start, among 10,000 builds and 1,000 promotions',
    'From the request to the last byte of the page with every gate and what changes in three regions, read one after the other.',
    many,
    few,
    'the same page with the few that the bench made before',
  );
});

test('bytes of the first load', async () => {
  const sizes = JSON.parse(execFileSync(join(root, 'scripts', 'assets'), ['--size'], { encoding: 'utf8' }));
  const bar = 150_000;
  const parts = `wasm ${sizes.wasm}, script ${sizes.js}, style ${sizes.css}`;
  say('First load', [`${sizes.total} bytes with brotli (${parts}), ${(sizes.total / bar).toFixed(2)} times the bar of ${bar}`], 'The files that a page names, as they are sent to a browser that takes brotli.');
});

test('memory when idle', async ({ browser }) => {
  await kill(world());
  const ready = await start(world());
  const desk = new Desk(browser, { scripts: true });
  const page = await desk.of('viewer');
  await page.goto('/builds');
  await live(page);
  await pause(5000);
  const ours = resident(Number(readFileSync(join(world().folder, 'pid'), 'utf8')));
  const hello = spawn(process.env.SLIPWAY_HELLO!, ['127.0.0.1:0'], { stdio: 'ignore' });
  await pause(1000);
  const theirs = resident(hello.pid!);
  hello.kill();
  const mib = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;
  say('Memory when idle', [`${mib(ours)} against ${mib(theirs)}, ${(ours / theirs).toFixed(2)} times`], 'Resident set of the release build five seconds after one page was opened, its stream still open. Yardstick: axum that says hello, built the same way.');
  say('Ready after kill -9', [`${ms(ready)}`], 'From the start of the program to the first good answer of /readyz, asked every 20 ms, over the database of this run.');
  await desk.close();
});

function resident(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}
