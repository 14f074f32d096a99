internal import ArgumentParser

/// The flag of verbs that fetch addresses which come from others: from image files, manifests or the service.
struct AddressOptions: ParsableArguments {
  @Flag(
    name: .customLong("allow-private"),
    help: "Also fetch images and results from addresses of this machine and of private networks.")
  var allowsPrivate = false

  init() {}
}
