// The whole of another package that depends on this one with `traits: []`; Scripts/test-copy builds and runs it.
//
//   consumer SOURCE RESULT.png
import Foundation
import ImagePreparation

var recipe = Recipe()
recipe.maxSide = 640
recipe.format = .png
let prepared = try ImagePreparer().prepare(.file(CommandLine.arguments[1]), recipe: recipe)
try Data(prepared.bytes).write(to: URL(filePath: CommandLine.arguments[2]))
