internal import ArgumentParser

/// The flag of verbs that fetch addresses which come from others: from image files, manifests or the service.
struct AddressOptions: ParsableArguments {
  @Flag(
    name: .customLong("allow-private"),
    help: "Let addresses of images and of the service's files lead to this machine and to private networks.")
  var allowsPrivate = false

  init() {}
}
