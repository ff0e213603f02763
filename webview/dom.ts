/** Building DOM from text and numbers only; nothing here takes markup. */

type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** `true` sets an attribute without a value (of aria-*, the word), `false` and undefined leave it out. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes?: Attributes, ...children: readonly Child[]): HTMLElementTagNameMap[K];
export function element(tag: string, attributes?: Attributes, ...children: readonly Child[]): HTMLElement;
export function element(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElement {
  return furnish(document.createElement(tag), attributes, children);
}

export function svgElement<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: readonly Child[]): SVGElementTagNameMap[K] {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish<E extends Element>(node: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children.filter((child): child is Node | string => child !== undefined));
  return node;
}

export function setAttribute(node: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) node.removeAttribute(name);
  else {
    const text = value === true && !name.startsWith("aria-") ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

/**
 * Makes the children of `parent` like `nodes` and keeps those that are already: what is kept is not styled and laid out again, and
 * keeps the focus. For parts without listeners of their own, whose old nodes nobody holds.
 */
export function patchChildren(parent: Element, nodes: readonly Node[]): void {
  nodes.forEach((node, index) => {
    const old: Node | undefined = parent.childNodes[index];
    if (!old) parent.append(node);
    else if (old.isEqualNode(node)) return;
    else if (old instanceof Element && node instanceof Element && old.nodeName === node.nodeName) patchElement(old, node);
    else parent.replaceChild(node, old);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild?.remove();
}

function patchElement(old: Element, node: Element): void {
  for (const name of old.getAttributeNames()) if (!node.hasAttribute(name)) old.removeAttribute(name);
  for (const name of node.getAttributeNames()) {
    const value = node.getAttribute(name) ?? "";
    if (old.getAttribute(name) === value) continue;
    // The content security policy lets styles be set by their object only.
    if (name === "style" && old instanceof HTMLElement) old.style.cssText = value;
    else old.setAttribute(name, value);
  }
  if (old.childElementCount + node.childElementCount > 0) patchChildren(old, [...node.childNodes]);
  else if (old.textContent !== node.textContent) old.textContent = node.textContent;
}

/** True when the user asked for less motion. */
export function prefersStillness(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches || document.body.classList.contains("vscode-reduce-motion");
}
