"""What of the Bot API the sandbox does not play, and the words in which it says so.

A method that is neither here nor played is none of the Bot API's.
"""

from typing import Any

from sandbox.errors import ApiError, bad_request

# What it is → its methods; docs/sandbox.md tells of the same.
UNPLAYED: dict[str, tuple[str, ...]] = {
    "groups, channels and their members": (
        "approveChatJoinRequest", "approveSuggestedPost", "answerChatJoinRequestQuery", "banChatSenderChat",
        "declineChatJoinRequest", "declineSuggestedPost", "deleteAllMessageReactions", "deleteChatPhoto",
        "deleteChatStickerSet", "deleteMessageReaction", "editChatSubscriptionInviteLink",
        "getUserChatBoosts", "getUserPersonalChatMessages", "pinChatMessage", "sendChatJoinRequestWebApp",
        "setChatAdministratorCustomTitle", "setChatDescription", "setChatMemberTag", "setChatPermissions",
        "setChatPhoto", "setChatStickerSet", "setChatTitle", "setMyDefaultAdministratorRights",
        "getMyDefaultAdministratorRights", "unbanChatSenderChat", "unpinAllChatMessages", "unpinChatMessage",
        "removeChatVerification", "removeUserVerification", "verifyChat", "verifyUser",
    ),
    "topics": (
        "closeForumTopic", "closeGeneralForumTopic", "createForumTopic", "deleteForumTopic", "editForumTopic",
        "editGeneralForumTopic", "getForumTopicIconStickers", "hideGeneralForumTopic", "reopenForumTopic",
        "reopenGeneralForumTopic", "unhideGeneralForumTopic", "unpinAllForumTopicMessages",
        "unpinAllGeneralForumTopicMessages",
    ),
    "business accounts": (
        "deleteBusinessMessages", "getBusinessAccountGifts", "getBusinessAccountStarBalance",
        "getBusinessConnection", "readBusinessMessage", "removeBusinessAccountProfilePhoto",
        "setBusinessAccountBio", "setBusinessAccountGiftSettings", "setBusinessAccountName",
        "setBusinessAccountProfilePhoto", "setBusinessAccountUsername", "transferBusinessAccountStars",
        "sendChecklist", "editMessageChecklist",
    ),
    "gifts": (
        "convertGiftToStars", "getAvailableGifts", "getChatGifts", "getUserGifts", "giftPremiumSubscription",
        "sendGift", "transferGift", "upgradeGift",
    ),
    "games": ("getGameHighScores", "sendGame", "setGameScore"),
    "inline mode": (
        "answerInlineQuery", "answerGuestQuery", "answerWebAppQuery", "savePreparedKeyboardButton",
    ),
    "payment providers and shipping": ("answerShippingQuery", "setPassportDataErrors"),
    "paid media": ("sendPaidMedia",),
    "stories": ("deleteStory", "editStory", "postStory", "repostStory"),
    "stickers": (
        "addStickerToSet", "createNewStickerSet", "deleteStickerFromSet", "deleteStickerSet",
        "getCustomEmojiStickers", "getStickerSet", "replaceStickerInSet", "sendSticker",
        "setCustomEmojiStickerSetThumbnail", "setStickerEmojiList", "setStickerKeywords",
        "setStickerMaskPosition", "setStickerPositionInSet", "setStickerSetThumbnail", "setStickerSetTitle",
        "uploadStickerFile",
    ),
    "media other than photos and documents": (
        "editMessageLiveLocation", "sendAnimation", "sendAudio", "sendDice", "sendLivePhoto",
        "sendMediaGroup", "sendPoll", "sendVenue", "sendVideo", "sendVideoNote", "sendVoice",
        "stopMessageLiveLocation", "stopPoll",
    ),
    "forwarding, and copying several messages at once": ("copyMessages", "forwardMessage", "forwardMessages"),
    "rich messages, drafts and messages for one reader": (
        "deleteEphemeralMessage", "editEphemeralMessageCaption", "editEphemeralMessageMedia",
        "editEphemeralMessageReplyMarkup", "editEphemeralMessageText", "sendMessageDraft", "sendRichMessage",
        "sendRichMessageDraft",
    ),
    "profiles and bots managed by bots": (
        "getManagedBotAccessSettings", "getManagedBotToken", "getUserProfileAudios", "removeMyProfilePhoto",
        "replaceManagedBotToken", "setManagedBotAccessSettings", "setMyProfilePhoto", "setUserEmojiStatus",
    ),
}  # fmt: skip
SUBJECTS = {name.lower(): subject for subject, names in UNPLAYED.items() for name in names}
# What a call of a method that is played can ask for beyond it.
UNPLAYED_PARAMETERS = {
    "business_connection_id": "business accounts",
    "message_thread_id": "topics",
    "direct_messages_topic_id": "topics",
    "inline_message_id": "inline mode",
}


def unplayed(method: str) -> ApiError:
    """Return the refusal of a method that is not played, or that there is none of this name."""
    subject = SUBJECTS.get(method.lower())
    if subject is None:
        return ApiError(404, "Not Found: method not found")
    return bad_request(f"the sandbox does not play {subject} ({method})")


def check_played(params: dict[str, Any]) -> None:
    """Make sure that a call asks for nothing that is not played.

    :raise ApiError: it does
    """
    for name, subject in UNPLAYED_PARAMETERS.items():
        if params.get(name) not in (None, "", 0, "0"):
            raise bad_request(f"the sandbox does not play {subject} ({name})")
