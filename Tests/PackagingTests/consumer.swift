// A complete package that depends on this one with `traits: []`. Scripts/test-copy builds and runs it.
//
//   consumer SOURCE RESULT.png
import Foundation
import ImagePreparation

let recipe = Recipe(size: .longestSide(640), output: .png())
let prepared = try await ImagePreparer().prepare(.file(CommandLine.arguments[1]), as: recipe)
try Data(prepared.bytes).write(to: URL(filePath: CommandLine.arguments[2]))
