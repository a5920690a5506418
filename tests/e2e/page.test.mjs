// The page for browsers, in a real Chromium, against a real server.  Run by tests/integration/test_page.py, which starts the demo.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { createRequire } from "node:module";

const { chromium } = createRequire(`${process.env.NODE_MODULES}/`)("playwright-core");
const URL_ = process.env.TOWNLAKE_URL;
const token = (user) => process.env[`TOWNLAKE_TOKEN_${user.toUpperCase()}`];

let browser, page, faults;
before(async () => {
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
});
after(() => browser.close());

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1200, height: 850 } });
  page.setDefaultTimeout(30_000);
  faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && /Content Security|Uncaught/.test(message.text()) && faults.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(URL_) && !request.url().startsWith("data:") && faults.push(`asked ${request.url()}`));
});
afterEach(async () => {
  await page.close();
  assert.deepEqual(faults, []);
});

async function signIn(user) {
  await page.goto(`${URL_}/#token=${token(user)}`);
  await page.waitForSelector(".composer");
}

/** Runs it and waits for its end; gives the card. */
async function run(sql) {
  const before = await page.locator(".turn").count();
  await page.fill(".composer textarea", sql);
  await page.keyboard.press("Enter");
  const turn = page.locator(".turn").nth(before);
  await turn.locator("footer, .problem-box").first().waitFor();
  return turn;
}

const texts = (locator) => locator.allInnerTexts();

test("a link signs the tab in and leaves the address", async () => {
  await signIn("analyst");
  assert.equal(await page.innerText(".who summary"), "analyst");
  assert.ok(!page.url().includes("tlk_"));
  await page.reload();
  assert.equal(await page.innerText(".who summary"), "analyst");
});

test("a token that opens nothing is refused in words", async () => {
  await page.goto(URL_);
  await page.fill(".sign-in input", "tlk_00000000000000000000000000000000");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".sign-in [role=alert]");
  assert.equal(await page.locator(".composer").count(), 0);
});

test("rows are shown as they are, sorted by a click, and never read as HTML", async () => {
  await signIn("admin");
  const turn = await run("SELECT * FROM (VALUES (2, '<img src=x onerror=\"document.title=1\">', NULL), (10, 'b', 1234567.50), (1, 'c', 0.5)) AS t(n, s, amount)");
  assert.deepEqual(await texts(turn.locator("th")), ["n", "s", "amount"]);
  assert.deepEqual(await texts(turn.locator("tbody td:first-child")), ["2", "10", "1"]);
  assert.equal(await turn.locator("tbody img").count(), 0);
  assert.deepEqual(await texts(turn.locator("tbody td:last-child")), ["NULL", "1,234,567.50", "0.50"]);
  await turn.locator("th button").first().click();
  assert.deepEqual(await texts(turn.locator("tbody td:first-child")), ["1", "2", "10"]);
  await turn.locator("th button").last().click();
  assert.deepEqual(await texts(turn.locator("tbody td:last-child")), ["0.50", "1,234,567.50", "NULL"]);
  assert.equal(await page.title(), "Town Lake");
});

test("a mistake is shown at its place and can be mended there", async () => {
  await signIn("admin");
  const turn = await run("SELECT 1,\n  nothing FROM lake.dim.customers");
  assert.match(await turn.locator(".place").innerText(), /nothing FROM lake\.dim\.customers\n {2}\^/);
  await turn.locator(".sql button").click();
  await turn.locator("textarea").fill("SELECT count(*) AS customers FROM lake.dim.customers");
  await page.keyboard.press("Control+Enter");
  await turn.locator("tbody td").waitFor();
  assert.match(await turn.locator("tbody td").innerText(), /^[\d,]+$/);
  assert.equal(await turn.locator(".problem-box").count(), 0);
});

test("who is stopped asks for access in place, and a reviewer finds the request", async () => {
  await signIn("contractor");
  const turn = await run("SELECT * FROM lake.billing.usage_daily");
  await turn.locator(".request input").fill("the invoice of May");
  await turn.locator(".request button").click();
  const said = await turn.locator("[role=status]").innerText();
  const id = said.match(/request (\S+)/)[1];
  const answer = await fetch(`${URL_}/api/v1/lifeguard/requests`, { headers: { Authorization: `Bearer ${token("admin")}` } });
  assert.ok((await answer.text()).includes(id));
});

test("personal data needs a reason and a right, shows itself, and goes off again", async () => {
  const sql = "SELECT email FROM ops.public.accounts ORDER BY account_id LIMIT 1";
  const on = async () => {
    await page.click(".switch");
    await page.fill(".pii input", "case 4711");
    await page.click(".pii button[type=submit]");
  };
  await signIn("analyst");
  await on();
  await page.waitForSelector(".pii [role=alert]");
  assert.equal(await page.getAttribute(".switch", "aria-checked"), "false");
  await page.evaluate(() => sessionStorage.clear());
  await page.goto("about:blank");
  await signIn("fraud");
  const masked = await (await run(sql)).locator("tbody td").innerText();
  await on();
  await page.waitForSelector(".bar.personal");
  const plain = await (await run(sql)).locator("tbody td").innerText();
  await page.click(".switch");
  await page.waitForSelector(".bar:not(.personal)");
  assert.equal(await (await run(sql)).locator("tbody td").innerText(), masked);
  assert.match(masked, /^\*\*\*@/);
  assert.match(plain, /^[^*]+@/);
});

test("a statement that runs is cancelled at the server", async () => {
  await signIn("admin");
  await page.fill(".composer textarea", "SELECT count(*) FROM range(100000000000) AS t(a) WHERE a % 7 = 8");
  await page.keyboard.press("Enter");
  await page.click(".running button");
  await page.waitForSelector("text=Cancelled.");
  const ended = Date.now() + 10_000;
  for (;;) {
    const answer = await fetch(`${URL_}/readyz`);
    if ((await answer.json()).engine.running === 0) break;
    assert.ok(Date.now() < ended, "it still runs");
  }
});

test("numbers by name become bars, numbers by time lines", async () => {
  await signIn("admin");
  const bars = await run("SELECT * FROM (VALUES ('a', 3), ('b', -1), ('c', NULL)) AS t(name, n)");
  await bars.locator("footer button", { hasText: "Chart" }).click();
  assert.deepEqual(await texts(bars.locator(".bar-value")), ["3", "-1", "NULL"]);
  const lines = await run("SELECT * FROM (VALUES (DATE '2026-01-02', 5, 1000), (DATE '2026-01-01', 3, 2000)) AS t(day, few, many)");
  await lines.locator("footer button", { hasText: "Chart" }).click();
  assert.equal(await lines.locator("figure").count(), 2); // on one axis the smaller would lie on zero
  assert.equal(await lines.locator("path.line").count(), 2);
});

async function askInWords(question) {
  const before = await page.locator(".turn").count();
  await page.fill(".composer textarea", question);
  await page.keyboard.press("Enter");
  const turn = page.locator(".turn").nth(before);
  await turn.locator(".proof, .notice-box, .problem-box").first().waitFor();
  return turn;
}

test("a question in words is answered with its SQL and its proof, and followed up", async () => {
  await signIn("analyst");
  const first = await askInWords("top 5 customers by revenue last quarter");
  assert.equal(await first.locator("tbody tr").count(), 5);
  assert.match(await first.locator(".proof summary").innerText(), /no language model/);
  assert.match(await first.locator(".reading").innerText(), /revenue by customer/);
  const second = await askInWords("now by country");
  assert.deepEqual(await texts(second.locator("th")), ["country", "revenue"]);
  await second.locator(".proof summary").click();
  assert.match(await second.locator(".proof dl").innerText(), /ops\.public\.invoices/);
});

test("what cannot be placed is refused with words that can", async () => {
  await signIn("analyst");
  const turn = await askInWords("how happy are our customers");
  assert.equal(await turn.locator("table").count(), 0);
  assert.ok(await turn.locator(".chip").count() > 0);
});

test("the SQL of an answer can be changed, and the proof goes with the answer", async () => {
  await signIn("analyst");
  const turn = await askInWords("revenue by country last quarter");
  await turn.locator(".behind summary").click();
  await turn.locator(".behind .sql button").click();
  await turn.locator("textarea").fill("SELECT 4711 AS n");
  await page.keyboard.press("Control+Enter");
  await turn.locator("text=4,711").waitFor();
  assert.equal(await turn.locator(".proof").count(), 0);
});

test("an earlier conversation is opened again without its rows", async () => {
  await signIn("analyst");
  await askInWords("number of customers by country");
  await page.reload();
  await page.click(".welcome .quiet");
  await page.waitForSelector("text=number of customers by country");
  assert.equal(await page.locator("tbody").count(), 0);
  await page.click("text=Run it");
  await page.waitForSelector("tbody tr");
});

test("what was asked comes back by the arrow key", async () => {
  await signIn("admin");
  await run("SELECT 41");
  await run("SELECT 42");
  await page.focus(".composer textarea");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.inputValue(".composer textarea"), "SELECT 41");
});

test("a phone shows it without scrolling sideways, in the dark too", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: "dark" });
  await signIn("contractor");
  await run("SELECT * FROM lake.billing.usage_daily");
  await run("SELECT * FROM ops.public.accounts LIMIT 3");
  const [wide, background] = await page.evaluate(() => [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]);
  assert.ok(wide <= 360, `${wide} wide`);
  assert.equal(background, "rgb(16, 22, 28)");
});
