//! All codes: what each says, the statuses it comes with, why it happens and what to do about it.

use super::{Form, Mending, Place, ScimType};

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed-json" {
        forms: [400 InvalidSyntax],
        cause: "The request's body is no JSON object, or is nested deeper than 128 levels. The detail names line and \
            column, never what stands there.",
        mending: [
            IdentityProvider: "Where the body comes from a template, as in a custom connector or a workflow, mend \
                the template; an unescaped quote in somebody's name is the usual reason.",
            Network: "A proxy that rewrites or cuts bodies must pass them on as they are.",
        ],
    }
    /// The body is JSON, but not the message that was expected.
    WrongMessage = "wrong-message" {
        forms: [400 InvalidSyntax],
        cause: "`schemas` does not name the message or the resource, an attribute stands in it twice, or the \
            operations of a PATCH are missing, more than 1000, or not of the form `{\"op\", \"path\", \"value\"}`.",
        mending: [
            IdentityProvider: "Send User resources to `/Users` by POST and PUT, and `PatchOp` messages by PATCH. In \
                a custom connector compare the message with RFC 7644, sections 3.3 and 3.5.2.",
            Configuration: "Where the detail speaks of a schema that is not served, `unknown_attributes = \
                \"ignore\"` takes such messages and drops what belongs to that schema.",
        ],
    }
    /// The request has no body where it needs one.
    MissingBody = "missing-body" {
        forms: [400 InvalidSyntax],
        cause: "POST, PUT and PATCH need a JSON body, and this one was empty.",
        mending: [
            IdentityProvider: "In a custom connector, send the message as the body, not as query parameters.",
            Network: "Look whether a proxy on the way drops bodies, as some do with PATCH or after a redirect.",
        ],
    }
    /// The `Content-Type` is not one of SCIM's.
    WrongContentType = "wrong-content-type" {
        forms: [415],
        cause: "The body is declared as something else than `application/scim+json` or `application/json`, as \
            another character set than UTF-8, or as compressed.",
        mending: [
            IdentityProvider: "Send `Content-Type: application/scim+json`, in UTF-8, without `Content-Encoding`.",
        ],
    }
    /// The body is larger than the configuration allows.
    BodyTooLarge = "body-too-large" {
        forms: [413],
        cause: "The request's body has more bytes than `server.max_body_bytes` allows; the detail says how many are \
            allowed. A group that is written with very many members is a usual reason, or a picture sent as data in \
            `photos`, or a certificate chain.",
        mending: [
            IdentityProvider: "Take large attributes, such as pictures, out of the attribute mapping.",
            Configuration: "Raise `server.max_body_bytes`. A user's attributes together may have 65,000 characters \
                all the same.",
        ],
    }
    /// The body stopped arriving.
    BodyUnreadable = "body-unreadable" {
        forms: [400],
        cause: "The connection broke, or its framing was wrong, before the whole body was there. Nothing was \
            changed.",
        mending: [
            Network: "Look for a proxy or load balancer between identity provider and gateway that closes \
                connections early.",
        ],
    }
    /// A value has the wrong JSON type.
    WrongType = "wrong-type" {
        forms: [400 InvalidValue, 400 InvalidSyntax],
        cause: "An attribute has a value of another type than its schema says: text for a number, one object where \
            there must be an array. The detail names the attribute and the type. (`invalidSyntax`: it is a member of \
            a `.search` request.)",
        mending: [
            IdentityProvider: "Mend the mapping of the attribute that the detail names; `/Schemas` of the gateway \
                lists all types.",
            Configuration: "If nobody needs the attribute, name it in `ignored_attributes`.",
        ],
    }
    /// A required attribute is missing or empty.
    RequiredMissing = "required-missing" {
        forms: [400 InvalidValue, 400 Mutability],
        cause: "`userName` is missing, empty or (`mutability`) to be removed; or an operation of a PATCH lacks its \
            `value`; or the realm's user profile in Keycloak requires an attribute that the user does not have. The \
            detail says which.",
        mending: [
            IdentityProvider: "Map the attribute that the detail names, and see that this person has a value there.",
            Keycloak: "If the detail speaks of the realm's user profile: under *Realm settings › User profile*, make \
                the attribute optional, or required for users but not for administrators.",
        ],
    }
    /// A value is not acceptable.
    UnacceptableValue = "unacceptable-value" {
        forms: [400 InvalidValue],
        cause: "The realm's user profile in Keycloak refuses the value (no e-mail address, a userName with spaces or \
            with one of `\\ / , % * < >`, a validator's pattern), or no realm could keep it: two primary values, a \
            NUL character, a userName that begins with `service-account-`. The detail names the attribute, never the \
            value.",
        mending: [
            IdentityProvider: "Change the person's value, or the expression that makes it, as for userName.",
            Keycloak: "If the profile's rule is too narrow, change the attribute's validators under *Realm settings \
                › User profile*.",
        ],
    }
    /// A value, or all values together, are longer than can be stored.
    ValueTooLong = "value-too-long" {
        forms: [400 InvalidValue],
        cause: "A value is longer (or shorter) than the realm's user profile in Keycloak allows or than the 2048 \
            characters of userName, externalId and e-mail addresses, an attribute has more than 1000 values (the \
            members of a group: 100,000 in one request), or all attributes of the user together have more than 65,000 \
            characters. The detail says which, and the limit.",
        mending: [
            IdentityProvider: "Shorten the value, or take large attributes out of the mapping.",
            Keycloak: "If the detail speaks of the user profile: raise the maximum of the attribute's `length` \
                validator under *Realm settings › User profile*.",
            Configuration: "Attributes that nobody needs can be dropped by `ignored_attributes`.",
        ],
    }
    /// A PATCH that would take too long.
    TooMuchWork = "too-much-work" {
        forms: [400 InvalidValue, 400 TooMany],
        cause: "The operations of one PATCH would compare more than 250,000 values with each other (long texts count \
            as several), or hold every member of a group against more than 100 comparisons, and nothing was changed; \
            or (`tooMany`) a filter of very many comparisons would be held against very long values.",
        mending: [
            IdentityProvider: "Send the operations in several requests, or replace the whole attribute instead of \
                adding to it value by value.",
        ],
    }
    /// An attribute that no served schema has, where the configuration refuses such.
    UnknownAttribute = "unknown-attribute" {
        forms: [400 InvalidValue],
        cause: "The realm refuses attributes that are in none of the served schemas, and the message has the one \
            that the detail names.",
        mending: [
            IdentityProvider: "Take the attribute out of the mapping, or write its name as `/Schemas` of the gateway \
                has it.",
            Configuration: "With `unknown_attributes = \"ignore\"`, the default, such attributes are dropped and the \
                rest is taken.",
        ],
    }
    /// An attribute that the configuration refuses.
    RefusedAttribute = "refused-attribute" {
        forms: [400 InvalidValue],
        cause: "The message has an attribute that stands in `refused_attributes` of the realm.",
        mending: [
            IdentityProvider: "Take the attribute out of the mapping. For `password`, turn password synchronisation \
                off.",
            Configuration: "Take it out of `refused_attributes`; in `ignored_attributes` it is dropped instead.",
        ],
    }
    /// The attribute can't be changed by a client.
    ReadOnlyAttribute = "read-only-attribute" {
        forms: [400 Mutability],
        cause: "An operation of a PATCH names a read-only attribute in its path, such as `id` or `meta`, or would \
            remove `schemas`. (In a body without path such attributes are ignored.)",
        mending: [
            IdentityProvider: "Take the attribute out of the mapping: only the gateway decides it.",
        ],
    }
    /// The attribute was set before and can't be changed.
    ImmutableAttribute = "immutable-attribute" {
        forms: [400 Mutability],
        cause: "The configuration declares the attribute `immutable`: a client may set it once. The request would \
            change or remove what it has been set to. (A PUT that leaves it out keeps it.) Or a PATCH would change a \
            part of a group's member, such as `members.display`: members are added and removed as a whole.",
        mending: [
            IdentityProvider: "Let the attribute be mapped on create only. For members, use the path `members`, and \
                `members[value eq \"…\"]` to remove one.",
            Configuration: "If the value may change, declare the attribute with `mutability = \"readWrite\"`.",
        ],
    }
    /// Keycloak does not let this attribute be changed.
    ReadOnlyInKeycloak = "read-only-in-keycloak" {
        forms: [400 Mutability],
        cause: "A userName shall change in a realm that does not let usernames be edited; or the user comes from a \
            directory (LDAP, Active Directory) that holds the attribute read-only.",
        mending: [
            Keycloak: "For userName: turn on *Edit username* under *Realm settings › Login*, or run `scimgate setup` \
                again, which does so and still lets only administrators edit usernames.",
            Keycloak: "For a directory's user: change the value in the directory, or set the federation's edit mode \
                to *WRITABLE* or *UNSYNCED*.",
            IdentityProvider: "Take the attribute out of the mapping for such people.",
        ],
    }
    /// A PATCH path that can't be read.
    MalformedPath = "malformed-path" {
        forms: [400 InvalidPath],
        cause: "The `path` of an operation is not in attribute notation, names no attribute of a served schema, or \
            has a value filter in brackets that can't be read. The detail says which; what stands in the brackets is \
            not repeated.",
        mending: [
            IdentityProvider: "Mend the target attribute of the mapping, as in `name.givenName`, `emails[type eq \
                \"work\"].value` or `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.",
        ],
    }
    /// A PATCH operation without the target it needs.
    MissingTarget = "missing-target" {
        forms: [400 NoTarget],
        cause: "A `remove` has no path; or a `replace` is for values that a filter selects, as in `emails[type eq \
            \"home\"]`, and the user has no such value. Nothing was changed.",
        mending: [
            IdentityProvider: "Provision the person again as a whole (Okta: *Force Sync*; Entra ID: *Restart \
                provisioning* or *Provision on demand*), so that both sides know the same values. In a custom \
                connector, use `add`, which makes the value if it is not there.",
        ],
    }
    /// A filter that can't be read.
    MalformedFilter = "malformed-filter" {
        forms: [400 InvalidFilter],
        cause: "The `filter` is not in the form of RFC 7644 section 3.4.2.2, names an attribute that no served \
            schema has, compares what can't be compared so, or is longer than 8 KiB. The detail says at which \
            character.",
        mending: [
            IdentityProvider: "Mend the filter or the matching attribute. Entra ID makes the filter from the \
                mapping's *matching* attribute: choose `userName`, `externalId` or `emails[type eq \"work\"].value` \
                there. In a URL the filter must be percent-encoded.",
        ],
    }
    /// A filter that would need a look at too many resources.
    ScanLimit = "scan-limit" {
        forms: [400 TooMany],
        cause: "`eq` on `id`, `userName`, `externalId` or `emails.value` finds users directly, and Keycloak narrows \
            them by `userName` and names (`eq`, `co`, `sw`, `ew`), by mapped attributes (`eq`), `active` and \
            `meta.created`, and `eq` on `groups.value` finds a group's members; each alone, or joined with the rest by \
            `and`. For any other filter the gateway looks at every managed user. More than `scan_limit` users are left \
            to look at, or more than 1,000 where the filter compares their `groups` by anything else than the id.",
        mending: [
            IdentityProvider: "Match people by `userName`, `externalId` or e-mail address.",
            Configuration: "Raise `scan_limit`. Each 500 users cost a call, so a filter over a large realm may take \
                longer than the identity provider waits.",
        ],
    }
    /// A query parameter that can't be read.
    BadQuery = "bad-query" {
        forms: [400 InvalidValue, 403],
        cause: "`startIndex` or `count` is no integer, or both `attributes` and `excludedAttributes` are given, \
            which exclude each other. With 403: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` can't be \
            filtered (RFC 7644 section 4).",
        mending: [
            IdentityProvider: "Mend the query in the connector's settings; of `attributes` and `excludedAttributes` \
                send one.",
        ],
    }
    /// No such resource for this caller.
    NotFound = "not-found" {
        forms: [404],
        cause: "There is no user with this id, or it does not carry the realm role of managed users: the two are \
            answered alike. Perhaps it was deleted in Keycloak, or an administrator took the role away. (Below \
            `/Schemas` and `/ResourceTypes`: no such schema or resource type is served.)",
        mending: [
            Keycloak: "If the user exists under *Users* and shall be managed, give it the role `scim-managed` \
                (`tag_role`) under *Role mapping*.",
            IdentityProvider: "If the user is gone for good, let the identity provider make it again: remove and \
                renew the assignment, or clear the link to the old id.",
        ],
    }
    /// No such path.
    UnknownEndpoint = "unknown-endpoint" {
        forms: [404],
        cause: "Nothing is served at the request's path: the base URL is wrong, or a proxy on the way changes paths.",
        mending: [
            IdentityProvider: "Set the base URL to `https://HOST/realms/REALM/scim/v2`, as `scimgate setup` printed \
                it, without `/Users` at its end.",
            Network: "A proxy in front of the gateway must pass the path on unchanged.",
        ],
    }
    /// The path does not take this method.
    MethodNotAllowed = "method-not-allowed" {
        forms: [405],
        cause: "The path is served, but not for this method, as DELETE on `/Users`. The header `Allow` names those \
            that are taken.",
        mending: [
            IdentityProvider: "In a custom connector, use one of the methods in `Allow`.",
            Network: "See that no redirect makes a GET of a POST.",
        ],
    }
    /// A part of SCIM that is not served.
    NotImplemented = "not-implemented" {
        forms: [501],
        cause: "The request is for a part of SCIM that this version does not serve: `/Me`, `/Bulk`, or a search over \
            all resource types.",
        mending: [
            IdentityProvider: "Turn off what needs it, such as bulk requests in a custom connector.",
        ],
    }
    /// The userName is taken by a user that this gateway does not manage.
    UnmanagedUserExists = "unmanaged-user-exists" {
        forms: [409 Uniqueness],
        cause: "Somebody with this userName exists in Keycloak and was not made over SCIM. It is not taken over: \
            whoever made that account first would come with it.",
        mending: [
            Keycloak: "If it is the same person, give the user the role `scim-managed` (`tag_role`) under *Role \
                mapping*; the identity provider finds it at its next try. Look at its credentials and linked \
                accounts first: they stay.",
            Keycloak: "If it is somebody else, or nobody any more, rename or delete the user.",
        ],
    }
    /// The userName is taken by another user.
    UserExists = "user-exists" {
        forms: [409 Uniqueness, 409],
        cause: "Another user has the userName: a managed one (the detail names its id where it knows it), or in an \
            update any user of the realm. Keycloak lets people sign in by e-mail address, so a userName that is \
            somebody's e-mail address is taken as well. (Without `scimType`: that user was just being deleted.)",
        mending: [
            IdentityProvider: "If both are the same person, let the identity provider link to the existing user \
                (Okta: import and confirm the match; Entra ID: check the matching attribute). If not, give one of \
                them another userName.",
            Keycloak: "If the other user is a remnant, delete it; then repeat the request.",
        ],
    }
    /// Another user has the value of an attribute that must be unique.
    ValueExists = "value-exists" {
        forms: [409 Uniqueness],
        cause: "The configuration declares the attribute with `uniqueness = \"server\"`, and another user of the \
            realm, managed or not, has the value in the Keycloak attribute where it is kept. The detail names the \
            attribute, never the value. Nothing was changed.",
        mending: [
            IdentityProvider: "Give one of the two people another value.",
            Keycloak: "If the other user is a remnant, delete it or its attribute; then repeat the request.",
        ],
    }
    /// Another user is linked to the identity provider so already.
    LinkExists = "link-exists" {
        forms: [409 Uniqueness],
        cause: "Users are linked to an identity provider in Keycloak (`identity_provider`), so that single sign-on \
            finds them, and another user of the realm, managed or not, is linked with the same value there. Who of two \
            signs in could not be told. The detail names the attribute, never the value. Nothing was changed.",
        mending: [
            Keycloak: "Find the other user: a person who has signed in through that identity provider before was made \
                an account by that. If it is the same person, give that user the role `scim-managed` (`tag_role`) \
                under *Role mapping*, and the identity provider finds it at its next try if the userNames are the \
                same. If it is a remnant, delete it, or take the link away under *Identity provider links*.",
            IdentityProvider: "Give one of the two people another value of the attribute.",
        ],
    }
    /// Keycloak has no such identity provider as users are to be linked to.
    UnknownIdentityProvider = "unknown-identity-provider" {
        forms: [400 InvalidValue],
        cause: "The configuration links users to an identity provider by its alias (`identity_provider.alias`), and \
            the realm has none of that alias. Nothing was changed. Changes that leave the linked value as it is are \
            carried out all the same.",
        mending: [
            Keycloak: "Create the identity provider under *Identity providers*, or look up its alias there; letter \
                case counts.",
            Configuration: "Mend `identity_provider.alias`, or set it to `\"\"` to link nobody.",
        ],
    }
    /// Another caller made the user.
    AnotherCallersUser = "another-callers-user" {
        forms: [403],
        cause: "Several callers share the realm, and the user was made by another one of them than the one who would \
            delete or deactivate it (`shared = \"refuse\"`). Nothing was applied. Where the maker is not known, a user \
            who has an `externalId` of another caller and none of this one counts as that one's.",
        mending: [
            IdentityProvider: "Delete or deactivate the person in the identity provider that provisions the account; \
                or take people out of the assignment of one of the two.",
            Configuration: "With `shared = \"last-wins\"` every caller may delete and deactivate every user. A caller \
                that is taken out of the configuration owns nobody any more.",
        ],
    }
    /// The e-mail is taken by another user.
    EmailExists = "email-exists" {
        forms: [409 Uniqueness],
        cause: "The primary e-mail address (or the first one) belongs to another user of the realm, managed or not; \
            Keycloak wants it unique.",
        mending: [
            IdentityProvider: "If two people share a mailbox, map another address, or none, for one of them.",
            Keycloak: "Change the address of the other user, if it is theirs no more; or turn on *Duplicate emails* \
                and turn off *Login with email* under *Realm settings › Login*.",
        ],
    }
    /// `If-Match` names another version.
    VersionMismatch = "version-mismatch" {
        forms: [412],
        cause: "The client changes the user only as it last saw it (`If-Match`), and it has been changed since, by \
            another client or in Keycloak. Nothing was changed.",
        mending: [
            IdentityProvider: "Read the user again and repeat the change with the new version; most clients do so by \
                themselves.",
        ],
    }
    /// Keycloak refuses that the user be disabled.
    NotDeactivated = "not-deactivated" {
        forms: [409],
        cause: "**The user is still enabled.** The realm's user profile refuses what is stored for the user, even \
            with the attribute that the detail names left out or replaced. All sessions were ended, but the person \
            can sign in again.",
        mending: [
            Keycloak: "At once mend the attribute's rules under *Realm settings › User profile*, or its value in the user's \
                details: before that, Keycloak lets nobody save the user. Then disable the user there, or repeat the \
                deactivation in the identity provider.",
        ],
    }
    /// The user belongs to another tenant too.
    OtherTenant = "other-tenant" {
        forms: [403],
        cause: "The client provisions one organization of the realm, and the user belongs to another tenant as well: to \
            another organization, or to the realm itself. Such a user is read-only to each organization, but for its \
            own `externalId`, its own groups, and its own membership: `active: false` and DELETE end that.",
        mending: [
            IdentityProvider: "Unassign the user where they do not belong, or take the attributes that differ out of \
                the mapping, so that they are not sent.",
            Keycloak: "Change the user by hand, or take them out of the other organization.",
        ],
    }
    /// The user has administrative power in Keycloak.
    ProtectedUser = "protected-user" {
        forms: [403],
        cause: "The user has, perhaps through a group, a role that administers the realm: one of `realm-management` \
            other than `view-*` and `query-*`, the realm role `admin`, or one of `protected_roles`. Over SCIM it can \
            be deactivated, but not renamed, given another e-mail address, reactivated or deleted. The detail names \
            the role.",
        mending: [
            Keycloak: "Let an administrator of Keycloak do it by hand, or take the role away first.",
            Configuration: "If the role is no power, and stands in `protected_roles`, take it out there.",
        ],
    }
    /// The displayName is taken by another group.
    GroupExists = "group-exists" {
        forms: [409 Uniqueness],
        cause: "Another group that SCIM manages has the displayName; letter case does not count. Or another group in the \
            same place of Keycloak has it exactly. The detail names the group's id where it knows it.",
        mending: [
            IdentityProvider: "If both are the same group, let the identity provider link to the existing one (Okta: \
                *Push Groups*, *Link group*; Entra ID finds it by displayName). If not, rename one of them.",
            Keycloak: "If the other group is a remnant, delete it; then repeat the request.",
        ],
    }
    /// A group of this name exists in Keycloak and is not managed over SCIM.
    UnmanagedGroupExists = "unmanaged-group-exists" {
        forms: [409 Uniqueness],
        cause: "Somebody made a group of this name in Keycloak, in the place where SCIM's groups live. It is not taken \
            over, because `groups.on_existing` is `\"reject\"`, or because there are several of the name but for letter \
            case.",
        mending: [
            Keycloak: "Rename or delete the group; or make it SCIM's by giving it the attribute `scim.managed` with the \
                value `realm`, after a look at its roles and members.",
            Configuration: "`groups.on_existing = \"adopt\"` lets clients take over groups that carry no other roles \
                than those listed in `groups.roles`.",
        ],
    }
    /// The group exists, but clients may only look at it.
    UnmanagedGroup = "unmanaged-group" {
        forms: [403],
        cause: "`groups.visible = \"all\"` shows groups that were made in Keycloak. They can be read, but not changed, \
            as long as nobody makes them SCIM's.",
        mending: [
            Keycloak: "Give the group the attribute `scim.managed` with the value `realm`.",
            Configuration: "`groups.on_existing = \"adopt\"` lets clients take over groups that carry no other roles \
                than those listed in `groups.roles`.",
        ],
    }
    /// The group carries roles, so it is not taken over.
    GroupHasRoles = "group-has-roles" {
        forms: [409],
        cause: "The existing group, or one above it, carries a role that the configuration does not list for it. Whoever \
            pushes people into it would give them that role. The detail names the role.",
        mending: [
            Configuration: "If its members shall have the role, list it under the group's name in `groups.roles`.",
            Keycloak: "If not, take the role from the group.",
        ],
    }
    /// The group carries administrative power.
    ProtectedGroup = "protected-group" {
        forms: [409 Uniqueness, 403, 400 InvalidValue],
        cause: "The group has, perhaps through a group above it or a composite role, a role that administers the realm: \
            one of `realm-management` other than `view-*` and `query-*`, the realm role `admin`, or one of \
            `protected_roles`. Such groups don't exist for SCIM clients. (409: its name can't be taken. 403: users with \
            power can't join it. 400: no group can be put into it.)",
        mending: [
            Keycloak: "Keep its members by hand, or take the role away from the group.",
            Configuration: "If the identity provider shall decide who administers the realm, name the group in \
                `groups.privileged`.",
        ],
    }
    /// A member that was named can't be one.
    UnknownMember = "unknown-member" {
        forms: [400 InvalidValue],
        cause: "The request names a member that is no managed user, and no managed group, of this realm. Nothing of the \
            request was applied. The detail names the first of them.",
        mending: [
            IdentityProvider: "Assign the person to the application first, and push the group again when the user has \
                been created. If the user was deleted in Keycloak, let the identity provider create it anew.",
            Keycloak: "If the user is there, but was made by hand, give it the role `scim-managed` (`tag_role`).",
        ],
    }
    /// A group can't be put into the other one.
    GroupNotNestable = "group-not-nestable" {
        forms: [400 InvalidValue],
        cause: "In Keycloak a group is below one other group at most, and never below itself. The detail says what \
            stands in the way.",
        mending: [
            IdentityProvider: "Take the group out of the other one first, or push the people instead of the group.",
        ],
    }
    /// There are groups below the group that SCIM does not manage.
    UnmanagedSubgroups = "unmanaged-subgroups" {
        forms: [409],
        cause: "Keycloak deletes all groups below a group along with it, and below this one there is a group that SCIM \
            does not manage. Nothing was deleted.",
        mending: [
            Keycloak: "Move or delete the group that the detail names; or delete the group by hand.",
        ],
    }
    /// The stored document was written by a newer version.
    UnknownFormat = "unknown-format" {
        forms: [503],
        cause: "The user's attributes were stored in Keycloak by a newer version of the gateway, in a form that this \
            one does not know and therefore does not overwrite. A deactivation is carried out all the same.",
        mending: [
            Gateway: "Run the newer version, in all processes that serve the realm, and repeat the request.",
        ],
    }
    /// No credentials, or wrong ones.
    Unauthenticated = "unauthenticated" {
        forms: [401],
        cause: "The request has no bearer token (or user and password), or one that is not taken: mistyped, replaced, \
            expired, for another realm, or for a client that is no caller. A realm that is not served is answered in \
            the same way. The \
            detail says what an outsider may know; the field `reason` in the gateway's log says the rest.",
        mending: [
            IdentityProvider: "Type the token, or client id and secret, once more; see that the base URL names the \
                right realm.",
            Configuration: "Compare what the caller takes: `sha256`, `argon2` and `expires` of its tokens or \
                passwords, or `clients`, `roles`, `scopes`, `audiences`, `required_claims` and `issuer` for tokens of \
                an issuer.",
        ],
    }
    /// The SCIM client may read only.
    ReadOnlyCaller = "read-only-caller" {
        forms: [403],
        cause: "The caller has `access = \"read-only\"` in the gateway's configuration, and the request would change \
            something. Nothing was changed.",
        mending: [
            IdentityProvider: "Turn off provisioning to this application (create, update, deactivate, group push), \
                where the client shall read only.",
            Configuration: "Give the caller `access = \"read-write\"`, the default, where it shall write.",
        ],
    }
    /// The SCIM client may not use resources of this type.
    ResourceNotAllowed = "resource-not-allowed" {
        forms: [403],
        cause: "The caller's `resources` in the gateway's configuration do not name the type that the detail names. \
            Nothing was changed.",
        mending: [
            IdentityProvider: "Turn off what uses the other type, such as group push.",
            Configuration: "Name the type in the caller's `resources`; without that key there are both.",
        ],
    }
    /// The SCIM client may not call from there.
    NetworkNotAllowed = "network-not-allowed" {
        forms: [403],
        cause: "The credentials are right, but the request came from an address in none of the caller's `networks`. \
            The field `reason` in the gateway's log says from which. Where nobody of yours sent it, somebody else \
            has the credentials: replace them.",
        mending: [
            Configuration: "Add the network to the caller's `networks`; identity providers publish from which they \
                call. Behind a proxy name that in `server.trusted_proxies`, or every request seems to come from it.",
            Network: "The proxy in front of the gateway must append the client's address to `X-Forwarded-For`.",
        ],
    }
    /// More requests than there may be.
    TooManyRequests = "too-many-requests" {
        forms: [429],
        cause: "The caller has sent more requests than its `rate_limit` allows, or all callers together more than \
            `server.rate_limit`; the detail says which. Nothing was changed. `Retry-After` says in how many seconds \
            there may be a next one, and identity providers wait so long by themselves.",
        mending: [
            Configuration: "Raise the caller's `rate_limit`, or `server.rate_limit`, if Keycloak can bear more.",
            IdentityProvider: "Spread large imports over time.",
        ],
    }
    /// The keys of the token's issuer can't be fetched.
    IssuerUnreachable = "issuer-unreachable" {
        forms: [503],
        cause: "The caller's token is one of another issuer (`auth = \"external\"`), whose signing keys or discovery \
            document can't be fetched in time, so that the token can't be judged. Keys that were fetched before serve for a \
            day.",
        mending: [
            Network: "See whether the gateway's host reaches the issuer: name resolution, firewall, certificate, \
                proxy. The gateway's log has the reason.",
            Configuration: "Check the caller's `issuer`, `jwks_uri`, `ca_file` and `proxy`. A discovery document \
                must name the configured `issuer`, to the last slash, and keys over https.",
        ],
    }
    /// Keycloak can't be reached.
    KeycloakUnreachable = "keycloak-unreachable" {
        forms: [503],
        cause: "Keycloak does not answer, not in time, or with 429 or 502 to 504, which a proxy in front of it may \
            say. It may have been asked for the user, or for the keys that sign the caller's token. A change that \
            was begun is completed when the request is repeated, which identity providers do by themselves \
            (`Retry-After`).",
        mending: [
            Keycloak: "See whether it runs, and how busy it is.",
            Network: "See whether the gateway's host reaches the URL in `keycloak.url`: name resolution, firewall, \
                certificate, proxy. The gateway's log has the reason.",
            Configuration: "Check `keycloak.url`, `keycloak.proxy`, `keycloak.ca_file`, and for slow answers \
                `keycloak.timeout`.",
        ],
    }
    /// Keycloak refuses the gateway's own credentials or permissions.
    KeycloakRefused = "keycloak-refused" {
        forms: [503],
        cause: "Keycloak does not accept the gateway's own client (its secret was changed, it was disabled), or that \
            client lacks a role. The identity provider's credentials are not the matter. The gateway's log names the \
            call and the account.",
        mending: [
            Keycloak: "Give the service account of the client (`scimgate`) the roles `manage-users`, `view-realm` \
                and `view-clients` of `realm-management`; running `scimgate setup` again does so.",
            Configuration: "Compare `keycloak.client_id` and the secret in `keycloak.client_secret_file` (or \
                `client_secret_env`) with Keycloak's *Clients › Credentials*, and restart the gateway.",
        ],
    }
    /// Keycloak answered in an unexpected way.
    KeycloakFailed = "keycloak-failed" {
        forms: [503],
        cause: "Keycloak answered with 500, or with something that is not its Admin REST API. The gateway's log \
            names the call and the status; Keycloak's own log has the reason.",
        mending: [
            Keycloak: "Look for the error in Keycloak's log at the same time: its database, or an extension, for \
                example.",
            Configuration: "If it happens with every request, see whether `keycloak.url` is Keycloak's, with its \
                path (as in `https://sso.example.com/auth`) if it has one.",
        ],
    }
    /// The realm is not set up for the gateway.
    RealmNotReady = "realm-not-ready" {
        forms: [503],
        cause: "The realm lacks what the gateway needs, or something there is dangerous: the role of managed users \
            is missing, is composite or is a default role, or attributes are not declared in the user profile. The \
            gateway's log lists all of it.",
        mending: [
            Keycloak: "Run `scimgate setup` for the realm, which makes what is missing; mend by hand what the log \
                says about the role.",
        ],
    }
    /// Too much at once.
    Overloaded = "overloaded" {
        forms: [503],
        cause: "As many requests are being carried out as `server.max_concurrent_requests` allows; or the detail says \
            that many unknown tokens or passwords wait to be verified, since somebody guesses. Identity providers repeat \
            the request (`Retry-After`).",
        mending: [
            IdentityProvider: "Lower the number of parallel requests, where that can be set.",
            Keycloak: "If it lasts, Keycloak is slow: look at its database and its processor time.",
            Configuration: "Raise `server.max_concurrent_requests`, if Keycloak has time to spare.",
        ],
    }
    /// The request took too long.
    TimedOut = "timed-out" {
        forms: [503],
        cause: "The request was not carried out within `server.request_timeout`, or a change not within \
            `plan_timeout`. What was begun goes on, or is completed when the request is repeated.",
        mending: [
            Keycloak: "Find out why it is slow; the log's `keycloak_calls` and `duration_ms` say how long its calls \
                take.",
            IdentityProvider: "Ask for smaller pages, or by a filter that finds users directly: `eq` on `userName`, \
                `externalId` or `emails.value`.",
            Configuration: "`server.request_timeout` and `plan_timeout` can be raised as far as the identity \
                provider waits (Okta: 60 s).",
        ],
    }
    /// A defect of the gateway.
    Internal = "internal" {
        forms: [500],
        cause: "Something happened that the gateway's authors did not think of. Its log has the details, under the \
            `request_id` that the answer's `x-request-id` names.",
        mending: [
            Gateway: "Report it with those lines of the log. The request may be repeated.",
        ],
    }
}
