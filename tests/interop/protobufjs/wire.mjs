// The protocol of docs/protocol.md over node's TLS with stock protobufjs: frames, Hello, requests, streams.
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import crypto from 'node:crypto';
import protobuf from 'protobufjs';

const KIND = { hello: 1, welcome: 2, request: 3, response: 4, grant: 5, cancel: 6, goodbye: 7 };
const HEADER = 8;
const PAYLOAD_MAX = 1048576;

export class Schemas {
  constructor(folder) {
    this.root = new protobuf.Root();
    const files = fs.readdirSync(folder).filter((name) => name.endsWith('.proto')).map((name) => path.join(folder, name));
    this.root.loadSync(files, { keepCase: true });
    this.root.resolveAll();
  }
  type(name) {
    return this.root.lookupType(`daftari.v1.${name}`);
  }
  enum(name) {
    return this.root.lookupEnum(`daftari.v1.${name}`).values;
  }
  method(name) {
    const [service, rpc] = name.split('.');
    const method = this.root.lookupService(`daftari.v1.${service}`).methods[rpc];
    method.resolve();
    return method;
  }
  encode(type, value) {
    const problem = type.verify(value);
    if (problem) throw new Error(`${type.name}: ${problem}`);
    return Buffer.from(type.encode(type.create(value)).finish());
  }
}

export const newId = () => crypto.randomBytes(16);

// A request that the server did not answer with OK.
export class Fault extends Error {
  constructor(answer) {
    super(`status ${answer.status}: ${answer.fault ? answer.fault.text : ''}`);
    this.status = answer.status;
    this.reason = answer.fault ? answer.fault.reason : 0;
    this.field = answer.fault ? answer.fault.field : '';
  }
}

export class Connection {
  // where: { host, port, ca (PEM), servername, alpn }
  static async open(schemas, where, hello) {
    const self = new Connection();
    self.schemas = schemas;
    self.open = new Map(); // request id -> { answers, part, done, failed }
    self.lastId = 0;
    self.buffer = Buffer.alloc(0);
    self.socket = await new Promise((resolve, reject) => {
      const socket = tls.connect({
        host: where.host, port: where.port, ca: where.ca, servername: where.servername, minVersion: 'TLSv1.3',
        ALPNProtocols: where.alpn === undefined ? ['daftari/1'] : where.alpn,
      });
      socket.setNoDelay(true);
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });
    self.closed = new Promise((resolve) => { self.wasClosed = resolve; });
    self.socket.on('data', (bytes) => self.take(bytes));
    self.socket.on('error', (error) => self.end(error));
    self.socket.on('close', () => self.end(new Error(self.goodbye || 'the connection was lost')));
    self.welcome = await new Promise((resolve, reject) => {
      self.welcomed = resolve;
      self.broken = reject;
      self.send(KIND.hello, 'Hello', { version: 1, agent: 'protobufjs interop', ...hello });
    });
    return self;
  }

  send(kind, type, message) {
    this.sendBytes(kind, this.schemas.encode(this.schemas.type(type), message));
  }
  sendBytes(kind, payload) {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(payload.length, 0);
    header.writeUInt8(kind, 4);
    this.socket.write(Buffer.concat([header, payload]));
  }

  take(bytes) {
    this.buffer = Buffer.concat([this.buffer, bytes]);
    while (this.buffer.length >= HEADER) {
      const length = this.buffer.readUInt32BE(0);
      if (length > PAYLOAD_MAX || this.buffer.readUIntBE(5, 3) !== 0) {
        this.socket.destroy(new Error('a frame that breaks the rules'));
        return;
      }
      if (this.buffer.length < HEADER + length) return;
      const kind = this.buffer.readUInt8(4);
      const payload = this.buffer.subarray(HEADER, HEADER + length);
      this.buffer = this.buffer.subarray(HEADER + length);
      this.frame(kind, payload);
    }
  }

  frame(kind, payload) {
    if (kind === KIND.welcome) {
      this.welcomed(this.schemas.type('Welcome').decode(payload));
    } else if (kind === KIND.goodbye) {
      this.goodbye = this.schemas.type('Goodbye').decode(payload).text;
    } else if (kind === KIND.response) {
      const response = this.schemas.type('Response').decode(payload);
      const request = this.open.get(response.request_id.toString());
      if (!request) return; // cancelled, and forgotten here
      if (response.position) request.position = response.position;
      for (const answer of response.answers) request.part(answer);
      if (response.end) {
        this.open.delete(response.request_id.toString());
        request.done(request);
      }
    }
  }

  end(error) {
    for (const request of this.open.values()) request.failed(error);
    this.open.clear();
    if (this.broken) this.broken(error);
    this.wasClosed();
  }

  close() {
    this.socket.end();
    return this.closed;
  }

  // Sends a request; commands: [{ command_id, body }]. Resolves when its last response is there.
  ask(method, commands, { deadline_ms, at_least_position, credit, part } = {}) {
    const id = ++this.lastId;
    const message = { request_id: id, method, commands };
    if (deadline_ms) message.deadline_ms = deadline_ms;
    if (at_least_position) message.at_least_position = at_least_position;
    if (credit) message.credit = credit;
    const answers = [];
    const promise = new Promise((done, failed) => {
      this.open.set(String(id), { done, failed, answers, part: part ? (answer) => part(answer, id) : (answer) => answers.push(answer) });
      this.send(KIND.request, 'Request', message);
    });
    promise.id = id;
    return promise;
  }

  body(method, value) {
    return this.schemas.encode(this.schemas.method(method).resolvedRequestType, value);
  }
  decoded(method, answer) {
    if (answer.status !== 0) throw new Fault(answer);
    return this.schemas.method(method).resolvedResponseType.decode(answer.body || Buffer.alloc(0));
  }

  // Many commands of one method, each with its id; the answers as they are.
  async commands(method, values, ids = values.map(newId)) {
    const commands = values.map((value, i) => ({ command_id: ids[i], body: this.body(method, value) }));
    return (await this.ask(method, commands)).answers;
  }
  async command(method, value, id = newId()) {
    const [answer] = await this.commands(method, [value], [id]);
    return this.decoded(method, answer);
  }
  async query(method, value, options) {
    const { answers } = await this.ask(method, [{ body: this.body(method, value) }], options);
    return this.decoded(method, answers[0]);
  }
  // Calls each(message) for every part, granting one more for each; each() may return false to cancel.
  async stream(method, value, each, { credit = 1, ...options } = {}) {
    let fault = null;
    let cancelled = false;
    const part = (answer, id) => {
      if (cancelled) return;
      if (answer.status !== 0) {
        fault = new Fault(answer);
        return;
      }
      if (each(this.decoded(method, answer)) === false) {
        cancelled = true;
        this.send(KIND.cancel, 'Cancel', { request_id: id });
      } else {
        this.send(KIND.grant, 'Grant', { request_id: id, parts: 1 });
      }
    };
    const request = await this.ask(method, [{ body: this.body(method, value) }], { ...options, credit, part });
    if (fault) throw fault;
    return request;
  }
}
