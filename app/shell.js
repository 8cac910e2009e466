// The terminal on the shell's page: keys to the socket, what comes back to the screen. It is built
// into one file with xterm.js and loaded on that page only.
(() => {
  'use strict';
  const box = document.getElementById('shell');
  const state = document.getElementById('shell-state');
  const again = document.getElementById('shell-again');
  if (!box || !state || !again) return;

  // The terminal makes style sheets of its own and writes style attributes. The page's policy lets only
  // what carries its nonce, and what is set through the style object.
  const nonce = document.currentScript.nonce;
  const create = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const element = create(name, options);
    if (String(name).toLowerCase() === 'style') element.nonce = nonce;
    return element;
  };
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === 'style' && this.style) this.style.cssText = value;
    else set.call(this, name, value);
  };

  const colour = (name) => {
    // A colour of the page as the terminal understands it.
    const probe = create('span');
    probe.style.color = `var(${name})`;
    box.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const theme = () => ({
    background: colour('--sunk'),
    foreground: colour('--ink'),
    cursor: colour('--accent'),
    cursorAccent: colour('--sunk'),
    selectionBackground: colour('--line-strong'),
    black: colour('--ink-2'),
    red: colour('--bad'),
    green: colour('--ok'),
    yellow: colour('--wait'),
    blue: colour('--info'),
    magenta: colour('--bad-strong'),
    cyan: colour('--accent'),
    white: colour('--ink'),
    brightBlack: colour('--ink-3'),
    brightRed: colour('--bad'),
    brightGreen: colour('--ok'),
    brightYellow: colour('--wait'),
    brightBlue: colour('--info'),
    brightMagenta: colour('--bad-strong'),
    brightCyan: colour('--accent-strong'),
    brightWhite: colour('--ink'),
  });
  const terminal = new Terminal({
    theme: theme(),
    fontFamily: getComputedStyle(box).getPropertyValue('--mono') || 'monospace',
    fontSize: 13,
    scrollback: 5000,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    minimumContrastRatio: 4.5,
    // What a program writes as a link is text here.
    linkHandler: { activate: () => {} },
  });
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open(box);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { terminal.options.theme = theme(); });

  let socket = null;
  const say = (word, more) => {
    const words = box.getAttribute(`data-${word.replace(/_/g, '-')}`) || box.getAttribute('data-left');
    state.textContent = more ? `${words} ${more}` : words;
    again.hidden = word === 'open' || word === 'opening';
  };
  const size = () => JSON.stringify({ columns: terminal.cols, rows: terminal.rows });
  const open = () => {
    let told = false;
    say('opening');
    fit.fit();
    const address = new URL(box.getAttribute('data-socket'), location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      socket.send(size());
      say('open');
      terminal.focus();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') {
        terminal.write(new Uint8Array(data));
        return;
      }
      const end = JSON.parse(data);
      told = true;
      if (end.problem) say('refused', end.detail);
      else say(end.closed, end.closed === 'ended' && Number.isInteger(end.code) ? `(${end.code})` : '');
    };
    socket.onclose = () => {
      socket = null;
      if (!told) say('left');
    };
  };
  const send = (bytes) => {
    // One message has a bound on the server.
    for (let from = 0; socket && socket.readyState === WebSocket.OPEN && from < bytes.length; from += 32768) {
      socket.send(bytes.subarray(from, from + 32768));
    }
  };
  const encoder = new TextEncoder();
  terminal.onData((keys) => send(encoder.encode(keys)));
  terminal.onBinary((keys) => send(Uint8Array.from(keys, (key) => key.charCodeAt(0))));
  terminal.onResize(() => {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(size());
  });
  again.addEventListener('click', () => {
    if (socket) return;
    terminal.reset();
    open();
  });
  let planned = 0;
  new ResizeObserver(() => {
    clearTimeout(planned);
    planned = setTimeout(() => fit.fit(), 80);
  }).observe(box);
  addEventListener('pagehide', () => socket?.close());
  open();
})();
