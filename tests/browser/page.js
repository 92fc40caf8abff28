// Opens the exporter's page in Chromium at the sizes of a desk and a phone, in the light and in the
// dark, and prints as JSON what is wrong with it.
//
//   node page.js CHROMIUM URL FOLDER-FOR-SCREENSHOTS
const path = require('path');
const { chromium } = require('playwright-core');
const axe = require('axe-core');

const [executablePath, url, folder] = process.argv.slice(2);

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

// What a picture lacks, and what of it can't be seen.
function faults() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    found.push(`the page is ${root.scrollWidth} wide, and the window ${root.clientWidth}`);
  }
  for (const picture of document.querySelectorAll('svg[role=img]')) {
    const named = picture.getAttribute('aria-labelledby').split(' ');
    const [title, description] = named.map((id) => document.getElementById(id)?.textContent);
    if (!title || !description || title !== picture.closest('figure').querySelector('h3').textContent) {
      found.push(`a picture is titled ${title} and described as ${description}`);
    }
    const frame = picture.getBoundingClientRect();
    for (const text of picture.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1) {
        found.push(`${text.textContent} sticks out of the picture ${title}`);
      }
      if (box.height < 12) {
        found.push(`${text.textContent} in ${title} is too small to read: ${box.height}px`);
      }
    }
    const texts = [...picture.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([one, a], at) => texts.slice(at + 1).forEach(([other, b]) => {
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) {
        found.push(`${one} runs into ${other} in ${title}`);
      }
    }));
  }
  return found;
}

async function look(browser, size, colorScheme) {
  const page = await browser.newPage({ viewport: SIZES[size], colorScheme });
  // A busy machine may take long to draw.
  page.setDefaultTimeout(0);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  page.on('requestfailed', (request) => said.push(`not fetched: ${request.url()}`));
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url, { waitUntil: 'load' });
  await page.screenshot({ path: path.join(folder, `${size}-${colorScheme}.png`) });
  await page.screenshot({ path: path.join(folder, `${size}-${colorScheme}-whole.png`), fullPage: true });
  const closed = await page.evaluate(faults);
  // And everything that can be opened.
  await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
  const open = await page.evaluate(faults);
  await page.evaluate(axe.source);
  const checked = await page.evaluate(() => axe.run());
  const pictures = await page.locator('svg[role=img]').count();
  await page.close();
  return {
    view: `${size} ${colorScheme}`,
    pictures,
    said,
    faults: closed.concat(open),
    violations: checked.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`),
    checks: checked.passes.length,
    // The icon is in the page itself.
    fetched: requests.filter((request) => !request.startsWith('data:')),
  };
}

(async () => {
  const browser = await chromium.launch({
    executablePath,
    // As root in a container there is no sandbox; and a browser in a test asks nobody for updates.
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--no-first-run'],
  });
  const views = [];
  for (const size of Object.keys(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      views.push(await look(browser, size, colorScheme));
    }
  }
  await browser.close();
  process.stdout.write(JSON.stringify(views));
})();
