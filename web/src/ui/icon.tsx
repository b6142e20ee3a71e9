/** Drawn for this client, 24 by 24, in the colour of the text beside them. They say nothing to a screen reader: that is the text's to do. */
const PATHS = {
  phone:
    "M6.6 3.5 9 4.2l1 4-2 1.6a12 12 0 0 0 6.2 6.2l1.6-2 4 1 .7 2.4c.2.8-.1 1.6-.8 2-1 .7-2.2 1-3.4.8C9.9 19.1 4.900 14.100 3.800 7.700c-.2-1.200.1-2.400.8-3.400.4-.7 1.200-1 2-.8Z",
  hangup: "M2.500 13.500c5.500-5 13.500-5 19 0l-1.500 3.300-4-1-.5-2.500a11 11 0 0 0-7 0L8 15.800l-4 1Z",
  pause: "M8.500 5.500v13M15.500 5.500v13",
  play: "M8 5.500v13l10.500-6.500Z",
  microphone:
    "M12 3.500a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3ZM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3",
  muted:
    "M9 9.500v2a3 3 0 0 0 4.800 2.400M15 10.500v-4a3 3 0 0 0-5.800-1M5.500 11.500a6.500 6.500 0 0 0 10.800 4.900M18.500 11.500c0 .6-.1 1.200-.2 1.800M12 18v3M4 4l16 16",
  keypad:
    "M6 5.500h.01M12 5.500h.01M18 5.500h.01M6 11h.01M12 11h.01M18 11h.01M6 16.500h.01M12 16.500h.01M18 16.500h.01M12 21h.01",
  transfer: "M4 12h13M12.500 6.500 18 12l-5.500 5.500M21 5v14",
  erase: "M9 5.500h10.500v13H9L3.500 12ZM12 9.500l5 5M17 9.500l-5 5",
  visitor: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20.500a7.500 7.500 0 0 1 15 0",
  badge:
    "M5 6.500h14v13H5ZM9.500 6.500v-3h5v3M12 12.500a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600ZM8.500 16.500c.6-1.800 6.400-1.800 7 0",
  in: "M18 6 7 17M7 8.500V17h8.500",
  out: "M6 18 17 7M8.500 7H17v8.500",
  inside: "M4 8.500h14l-3.500-3.500M20 15.500H6l3.500 3.500",
  pin: "M12 21s7-6.200 7-11.500a7 7 0 0 0-14 0C5 14.800 12 21 12 21ZM12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  star: "m12 3.800 2.500 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8Z",
  check: "m5 12.500 4.500 4.500L19 7.500",
  circle: "M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14Z",
  show: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600Z",
  hide: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600ZM4 4l16 16",
  screen: "M3.500 5h17v11h-17ZM9 20h6M12 16v4",
  pocket: "M7.500 3h9v18h-9ZM11 18h2",
  search: "M11 17.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13ZM16 16l4.500 4.500",
  letter: "M4 6.500h16v11H4ZM4.500 7l7.500 6 7.500-6",
  right: "m9 5.500 6.500 6.500L9 18.500",
  left: "M15 5.500 8.500 12l6.500 6.500",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({
  name,
  className = "size-5",
  filled = false,
}: {
  readonly name: IconName;
  readonly className?: string;
  readonly filled?: boolean;
}) {
  return (
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      className={`shrink-0 ${className}`}
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth={name === "keypad" ? 2.8 : 1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
