import type { ButtonHTMLAttributes, ComponentChildren, InputEventHandler, InputHTMLAttributes, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { text } from "../text";
import { Icon, type IconName } from "./icons";

/** A button that is an icon; `label` says what it does. */
export function IconButton({
  icon,
  label,
  turns = false,
  children,
  class: extra = "",
  ...rest
}: { icon: IconName; label: string; turns?: boolean; class?: string; children?: ComponentChildren } & Omit<
  ButtonHTMLAttributes<HTMLButtonElement>,
  "icon" | "label" | "class"
> & { disabled?: boolean }): JSX.Element {
  return (
    <button type="button" class={`icon-button ${extra}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} turns={turns} />
      {children}
    </button>
  );
}

interface Pictured {
  id: number;
  name: string;
  url?: string | null | undefined;
}

/** A picture of a person or room, or the first letter on a colour of its own. Their name stands beside it. */
export function Avatar({
  of,
  size = "",
  isSquare = false,
  isOnline = false,
}: {
  of: Pictured;
  size?: "small" | "large" | "";
  isSquare?: boolean;
  isOnline?: boolean;
}): JSX.Element {
  const [broken, setBroken] = useState<string | null>(null);
  const letter = [...of.name.trim().replace(/^[^\p{L}\p{N}]+/u, "")][0]?.toLocaleUpperCase() ?? "•";
  const url = of.url && of.url !== broken ? of.url : null;
  return (
    <span class={`avatar shade-${of.id % 6} ${size} ${isSquare ? "square" : ""}`} aria-hidden="true">
      {url ? <img src={url} alt="" loading="lazy" onError={() => setBroken(url)} /> : letter}
      {isOnline && <span class="dot" />}
    </span>
  );
}

/** Somebody's or something's name, whatever its direction, apart from the text around it. */
export function Name({ children }: { children: ComponentChildren }): JSX.Element {
  return <bdi>{children}</bdi>;
}

/** One input with its label, a hint and what is wrong with it. */
export function Field({
  label,
  hint,
  errors = [],
  isOptional = false,
  children,
  ...rest
}: {
  label: string;
  hint?: string | undefined;
  errors?: readonly string[] | undefined;
  isOptional?: boolean;
  children?: ComponentChildren;
  name?: string;
  type?: "text" | "search" | "email" | "password";
  value?: string | undefined;
  autocomplete?: string;
  autocapitalize?: "none";
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  onInput?: InputEventHandler<HTMLInputElement>;
}): JSX.Element {
  const id = useId();
  const isWrong = errors.length > 0;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {isOptional && <span class="hint"> ({text.value.optional})</span>}
      </label>
      <input
        {...(rest as InputHTMLAttributes<HTMLInputElement>)}
        id={id}
        class="input"
        dir="auto"
        placeholder=" "
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-wrong` : hint ? `${id}-hint` : undefined}
      />
      {children}
      {isWrong ? (
        <p class="wrong" id={`${id}-wrong`} role="alert">
          {errors.map((error) => (
            <bdi key={error}>{error} </bdi>
          ))}
        </p>
      ) : (
        hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

/** One of a few. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onPick,
}: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onPick: (value: Value) => void;
}): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([option, name]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onPick(option)}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** Something is on its way. */
export function Spinner({ isSmall = false }: { isSmall?: boolean }): JSX.Element {
  return (
    <span class={`spinner${isSmall ? " small" : ""}`} role="status">
      <span class="heard">{text.value.loading}</span>
    </span>
  );
}

/** There is nothing, and what to do about it. */
export function Blank({
  icon,
  title,
  children,
}: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="blank">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Something could not be loaded. */
export function Failure({ detail, onRetry }: { detail: string; onRetry?: (() => void) | undefined }): JSX.Element {
  return (
    <div class="blank" role="alert">
      <Icon name="alert" />
      <h2>{text.value.loadFailed}</h2>
      <p dir="auto">{detail}</p>
      {onRetry && (
        <button type="button" class="button quiet" onClick={onRetry}>
          {text.value.tryAgain}
        </button>
      )}
    </div>
  );
}

/** A sheet over the page: keeps the focus, closes by Escape and by a click beside it. */
export function Sheet({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog
      ref={ref}
      class="sheet"
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && ref.current?.close()}
    >
      <header class="bar">
        <h2 class="grow" id={id}>
          {title}
        </h2>
        <IconButton icon="close" label={text.value.close} onClick={() => ref.current?.close()} />
      </header>
      <div class="body">{children}</div>
    </dialog>
  );
}

/** A button with a menu that opens beside it. Arrow keys go through it. */
export function Menu({
  label,
  icon,
  class: extra = "",
  menuClass = "",
  children,
}: {
  label: string;
  icon: IconName;
  class?: string;
  menuClass?: string;
  children: ComponentChildren;
}): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const [box, at] = [menu.current, button.current?.getBoundingClientRect()];
    if (!isOpen || !box || !at) {
      return;
    }
    box.showPopover();
    // Below the button or above it, along its nearer edge; measured in the window, so without regard to direction.
    const { width, height } = box.getBoundingClientRect();
    const isAbove = at.bottom + height + 8 > innerHeight && at.top > height + 8;
    const left = at.left + at.width / 2 > innerWidth / 2 ? at.right - width : at.left;
    box.style.top = `${isAbove ? at.top - height - 4 : Math.min(at.bottom + 4, innerHeight - height - 8)}px`;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    box.querySelector<HTMLElement>("button, a")?.focus();
  }, [isOpen]);

  const close = () => {
    menu.current?.hidePopover();
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("button, a") ?? [])];
    let step = steps[event.key];
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      close();
      return;
    }
    if (step === undefined) {
      return;
    }
    event.preventDefault();
    if (event.key.length > 9 && document.documentElement.dir === "rtl") {
      step = -step;
    }
    const here = items.indexOf(document.activeElement as HTMLElement);
    items[(here + step + items.length) % items.length]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        class={`icon-button ${extra}`}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(true)}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div
          ref={menu}
          class={`menu ${menuClass}`}
          role="menu"
          tabIndex={-1}
          aria-label={label}
          popover="auto"
          onToggle={(event) => (event as ToggleEvent).newState === "closed" && setOpen(false)}
          onClick={close}
          onKeyDown={onKeyDown}
        >
          {children}
        </div>
      )}
    </>
  );
}

/** An entry of a {@link Menu}. */
export function MenuItem({
  icon,
  isBad = false,
  onPick,
  children,
}: {
  icon?: IconName;
  isBad?: boolean;
  onPick: () => void;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <button type="button" role="menuitem" class={isBad ? "bad" : ""} onClick={onPick}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
