internal import ArgumentParser

/// The flag of verbs that fetch what an image's maker, a manifest or the service names.
struct AddressOptions: ParsableArguments {
  @Flag(
    name: .customLong("allow-private"),
    help: "Let addresses of images and of the service's files lead to this machine and to private networks.")
  var allowsPrivate = false

  init() {}
}
