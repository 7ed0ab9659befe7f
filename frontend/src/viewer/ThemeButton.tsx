// Light or dark: as the system says, until somebody chooses.
import { signal } from "@preact/signals";

const isDark = signal(matchMedia("(prefers-color-scheme: dark)").matches);

export function ThemeButton() {
  const other = isDark.value ? "light" : "dark";
  const change = () => {
    isDark.value = !isDark.value;
    document.documentElement.dataset.theme = other;
  };
  return (
    <button class="icon" onClick={change} aria-label={`Use ${other} colours`} title={`Use ${other} colours`}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">
        {isDark.value ? (
          <>
            <circle cx="12" cy="12" r="4.5" />
            <path d="M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600L19 19M19 5l-1.400 1.400M6.400 17.600L5 19" />
          </>
        ) : (
          <path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z" />
        )}
      </svg>
    </button>
  );
}
