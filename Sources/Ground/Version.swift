/// The version of the package and its command, which servers also see.
package enum Version {
  /// Three numbers (Semantic Versioning 2.0.0). `Scripts/check-version` compares the other places that name it.
  package static let current = "0.2.0"

  /// The compiler of this build. A condition of compilation cannot test its third number.
  package static var compiler: String {
    #if compiler(>=6.4)
    "Swift 6.4 or later"
    #elseif compiler(>=6.3)
    "Swift 6.3"
    #else
    "Swift 6.2"
    #endif
  }
}
