// ScenarioAPI
