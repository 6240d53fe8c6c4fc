// A person in front of the documentation page: uploads a clip, asks, sees the answer. Usage: node swagger.mjs ADDRESS CLIP ANSWER
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [address, clip, answer] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", fault => faults.push(fault.message));
  page.setDefaultTimeout(60_000);                                         // the page is a large program, and the machine may be busy
  await page.goto(`${address}swagger`);
  const ask = page.locator(".opblock", { has: page.locator('[data-path="/v1/ask"]') });
  await ask.locator(".opblock-summary").click();
  await ask.getByRole("button", { name: "Try it out" }).click();
  await ask.locator(".body-param-content-type select, .opblock-section-request-body select.content-type").first().selectOption("multipart/form-data");
  await ask.locator('input[type="file"]').first().setInputFiles(clip);
  await ask.locator('tr[data-property-name="question"] textarea, tr[data-property-name="question"] input').first().fill("Which way does the orange circle move?");
  await ask.getByRole("button", { name: "Execute" }).click();
  const response = ask.locator(".live-responses-table .response").first();
  await response.waitFor();
  const text = await response.innerText();
  assert.match(text, /^200/);
  assert.ok(text.includes(`"answer": "${answer}"`), text);
  assert.deepEqual(faults, []);
  console.log("ok");
} finally {
  await browser.close();
}
