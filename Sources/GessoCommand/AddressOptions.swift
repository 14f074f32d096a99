internal import ArgumentParser

/// The flag of verbs that fetch addresses: of inputs, of the rows of a manifest, and of files that the service names.
struct AddressOptions: ParsableArguments {
  @Flag(
    name: .customLong("allow-private"),
    help: "Also fetch images and results from addresses of this machine and of private networks.")
  var allowsPrivate = false

  init() {}
}
