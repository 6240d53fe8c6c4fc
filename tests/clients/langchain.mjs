// LangChain's chat model for OpenAI. Usage: node langchain.mjs ADDRESS CLIP
import assert from "node:assert/strict";
import fs from "node:fs";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";

const [address, clip] = process.argv.slice(2);
const model = new ChatOpenAI({ model: "default", apiKey: "unused", temperature: 0, maxTokens: 8, maxRetries: 0, configuration: { baseURL: `${address}v1` } });
const picture = fs.readFileSync(clip.replace(/mp4$/, "png")).toString("base64");
const message = new HumanMessage({ content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } }, { type: "text", text: "What is it?" }] });

const whole = await model.invoke([message]);
assert.equal(whole.usage_metadata.output_tokens, 8);

let text = "";
for await (const chunk of await model.stream([message])) text += chunk.content;
assert.equal(text, whole.content);

const other = new ChatOpenAI({ model: "gpt-4", apiKey: "unused", maxRetries: 0, configuration: { baseURL: `${address}v1` } });
await assert.rejects(other.invoke([message]), fault => fault.status === 404);
console.log("ok");
