/** The variables that VS Code gives a webview, as its own default themes set them. */
const shared = {
  "--vscode-font-family": '"Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif', "--vscode-font-size": "13px", "--vscode-editor-font-family": "monospace",
};

export const themes = {
  "vscode-dark": {
    ...shared, "--vscode-editor-background": "#1f1f1f", "--vscode-editor-foreground": "#cccccc", "--vscode-foreground": "#cccccc", "--vscode-descriptionForeground": "#9d9d9d", "--vscode-panel-border": "#2b2b2b",
    "--vscode-focusBorder": "#0078d4", "--vscode-editorWidget-background": "#202020", "--vscode-charts-blue": "#3794ff", "--vscode-charts-green": "#89d185", "--vscode-charts-orange": "#d18616", "--vscode-charts-purple": "#b180d7", "--vscode-charts-yellow": "#cca700",
    "--vscode-badge-background": "#616161", "--vscode-badge-foreground": "#f8f8f8", "--vscode-errorForeground": "#f85149", "--vscode-editorWarning-foreground": "#cca700", "--vscode-inputValidation-errorBackground": "#5a1d1d", "--vscode-inputValidation-errorBorder": "#be1100", "--vscode-inputValidation-warningBackground": "#352a05", "--vscode-inputValidation-warningBorder": "#b89500",
    "--vscode-button-background": "#0078d4", "--vscode-button-foreground": "#ffffff", "--vscode-button-secondaryBackground": "#313131", "--vscode-button-secondaryForeground": "#cccccc", "--vscode-icon-foreground": "#cccccc", "--vscode-testing-iconPassed": "#73c991", "--vscode-editorHoverWidget-background": "#202020", "--vscode-editorHoverWidget-border": "#454545",
    "--vscode-input-background": "#313131", "--vscode-input-foreground": "#cccccc", "--vscode-input-placeholderForeground": "#989898", "--vscode-textLink-foreground": "#4daafc",
  },
  "vscode-light": {
    ...shared, "--vscode-editor-background": "#ffffff", "--vscode-editor-foreground": "#3b3b3b", "--vscode-foreground": "#3b3b3b", "--vscode-descriptionForeground": "#3b3b3b", "--vscode-panel-border": "#e5e5e5",
    "--vscode-focusBorder": "#005fb8", "--vscode-editorWidget-background": "#f8f8f8", "--vscode-charts-blue": "#1a85ff", "--vscode-charts-green": "#388a34", "--vscode-charts-orange": "#d18616", "--vscode-charts-purple": "#652d90", "--vscode-charts-yellow": "#bf8803",
    "--vscode-badge-background": "#cccccc", "--vscode-badge-foreground": "#3b3b3b", "--vscode-errorForeground": "#f85149", "--vscode-editorWarning-foreground": "#bf8803", "--vscode-inputValidation-errorBackground": "#f2dede", "--vscode-inputValidation-errorBorder": "#be1100", "--vscode-inputValidation-warningBackground": "#f6f5d2", "--vscode-inputValidation-warningBorder": "#b89500",
    "--vscode-button-background": "#005fb8", "--vscode-button-foreground": "#ffffff", "--vscode-button-secondaryBackground": "#e5e5e5", "--vscode-button-secondaryForeground": "#3b3b3b", "--vscode-icon-foreground": "#3b3b3b", "--vscode-testing-iconPassed": "#73c991", "--vscode-editorHoverWidget-background": "#f8f8f8", "--vscode-editorHoverWidget-border": "#c8c8c8",
    "--vscode-input-background": "#ffffff", "--vscode-input-foreground": "#3b3b3b", "--vscode-input-placeholderForeground": "#767676", "--vscode-textLink-foreground": "#005fb8",
  },
  "vscode-high-contrast": {
    ...shared, "--vscode-editor-background": "#000000", "--vscode-editor-foreground": "#ffffff", "--vscode-foreground": "#ffffff", "--vscode-descriptionForeground": "rgba(255, 255, 255, 0.7)", "--vscode-panel-border": "#6fc3df",
    "--vscode-contrastBorder": "#6fc3df", "--vscode-contrastActiveBorder": "#f38518", "--vscode-focusBorder": "#f38518", "--vscode-editorWidget-background": "#0c141f", "--vscode-charts-blue": "#3794ff", "--vscode-charts-green": "#89d185", "--vscode-charts-orange": "#ab5a00", "--vscode-charts-purple": "#b180d7", "--vscode-charts-yellow": "#ffd370",
    "--vscode-badge-background": "#000000", "--vscode-badge-foreground": "#ffffff", "--vscode-errorForeground": "#f48771", "--vscode-editorWarning-foreground": "#ffd370", "--vscode-inputValidation-errorBackground": "#000000", "--vscode-inputValidation-errorBorder": "#6fc3df", "--vscode-inputValidation-warningBackground": "#000000", "--vscode-inputValidation-warningBorder": "#6fc3df",
    "--vscode-button-foreground": "#ffffff", "--vscode-button-border": "#6fc3df", "--vscode-button-secondaryForeground": "#ffffff", "--vscode-icon-foreground": "#ffffff", "--vscode-testing-iconPassed": "#73c991", "--vscode-editorHoverWidget-background": "#0c141f", "--vscode-editorHoverWidget-border": "#6fc3df",
    "--vscode-input-background": "#000000", "--vscode-input-foreground": "#ffffff", "--vscode-input-placeholderForeground": "rgba(255, 255, 255, 0.7)", "--vscode-textLink-foreground": "#21a6ff",
  },
  "vscode-high-contrast-light": {
    ...shared, "--vscode-editor-background": "#ffffff", "--vscode-editor-foreground": "#292929", "--vscode-foreground": "#292929", "--vscode-descriptionForeground": "rgba(41, 41, 41, 0.7)", "--vscode-panel-border": "#0f4a85",
    "--vscode-contrastBorder": "#0f4a85", "--vscode-contrastActiveBorder": "#006bbd", "--vscode-focusBorder": "#006bbd", "--vscode-editorWidget-background": "#ffffff", "--vscode-charts-blue": "#1a85ff", "--vscode-charts-green": "#374e06", "--vscode-charts-orange": "#ab5a00", "--vscode-charts-purple": "#652d90", "--vscode-charts-yellow": "#895503",
    "--vscode-badge-background": "#0f4a85", "--vscode-badge-foreground": "#ffffff", "--vscode-errorForeground": "#b5200d", "--vscode-editorWarning-foreground": "#895503", "--vscode-inputValidation-errorBackground": "#ffffff", "--vscode-inputValidation-errorBorder": "#0f4a85", "--vscode-inputValidation-warningBackground": "#ffffff", "--vscode-inputValidation-warningBorder": "#0f4a85",
    "--vscode-button-background": "#0f4a85", "--vscode-button-foreground": "#ffffff", "--vscode-button-border": "#0f4a85", "--vscode-button-secondaryBackground": "#ffffff", "--vscode-button-secondaryForeground": "#292929", "--vscode-icon-foreground": "#292929", "--vscode-testing-iconPassed": "#007100", "--vscode-editorHoverWidget-background": "#ffffff", "--vscode-editorHoverWidget-border": "#0f4a85",
    "--vscode-input-background": "#ffffff", "--vscode-input-foreground": "#292929", "--vscode-input-placeholderForeground": "rgba(41, 41, 41, 0.7)", "--vscode-textLink-foreground": "#0f4a85",
  },
} as const;

export type PageTheme = keyof typeof themes;
