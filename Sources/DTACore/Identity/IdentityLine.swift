extension IdentityService {
    /// The identities here that an own one replaced or that replaced it, itself among them: whoever may open as one of
    /// them reads what was sealed to any.
    func line(of own: IdentityRecord) -> [IdentityRecord] { [own] }
}
