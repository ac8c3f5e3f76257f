// Everything that the server knows, in memory: it is forgotten at its end. A bank puts its database here.
// (oidc-provider's own memory keeps no more than the last thousand things, clients among them.)

export function createMemory() {
  const kept = new Map();
  const sweep = () => {
    for (const [key, { until }] of kept) if (until <= Date.now()) kept.delete(key);
  };
  setInterval(sweep, 60_000).unref();

  const found = (key) => {
    const entry = kept.get(key);
    return entry !== undefined && entry.until > Date.now() ? entry.payload : undefined;
  };

  return class Memory {
    constructor(model) { this.model = model; }

    async upsert(id, payload, expiresIn) {
      const until = expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000;
      kept.set(`${this.model}:${id}`, { payload, until });
      if (this.model === 'Session') kept.set(`uid:${payload.uid}`, { payload: id, until });
    }

    async find(id) { return found(`${this.model}:${id}`); }

    async findByUid(uid) { return this.find(found(`uid:${uid}`)); }

    async findByUserCode() { return undefined; }

    async destroy(id) { kept.delete(`${this.model}:${id}`); }

    async consume(id) {
      const payload = await this.find(id);
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of kept) if (payload?.grantId === grantId) kept.delete(key);
    }
  };
}
