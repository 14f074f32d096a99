// ScenarioSandbox
