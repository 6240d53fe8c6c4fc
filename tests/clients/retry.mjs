// A key that has used up its share: the official client waits as it is told and asks again. Usage: node retry.mjs ADDRESS CLIP KEY
import assert from "node:assert/strict";
import OpenAI from "openai";

const [address, , key] = process.argv.slice(2);
let refused = 0;
const counting = async (url, init) => {
  const response = await fetch(url, init);
  if (response.status === 429) {
    refused++;
    assert.ok(Number(response.headers.get("retry-after")) >= 1);
  }
  return response;
};
while ((await fetch(`${address}v1/models`, { headers: { authorization: `Bearer ${key}` } })).status !== 429);

const client = new OpenAI({ baseURL: `${address}v1`, apiKey: key, fetch: counting, maxRetries: 5 });
assert.deepEqual((await client.models.list()).data.map(model => model.id), ["default"]);
assert.ok(refused >= 1);
console.log("ok");
